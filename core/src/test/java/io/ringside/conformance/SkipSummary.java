package io.ringside.conformance;

import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.TestWatcher;

/** Prints at the end of a run which tests of the suite were skipped, and why: build tools only count them. */
final class SkipSummary implements TestWatcher {
  /** What JUnit puts before the reason. */
  private static final String PREFIX = "Assumption failed: ";

  @Override
  public void testAborted(ExtensionContext context, Throwable cause) {
    ExtensionContext.Store store = context.getRoot().getStore(Namespace.create(SkipSummary.class));
    String message = cause.getMessage();
    if (message != null && message.startsWith(PREFIX)) {
      message = message.substring(PREFIX.length());
    }
    String test =
        context.getRequiredTestClass().getSimpleName()
            + '.'
            + context.getRequiredTestMethod().getName()
            + ' '
            + context.getDisplayName();
    store
        .computeIfAbsent(Skipped.class, _ -> new Skipped(), Skipped.class)
        .add(message == null ? "no reason" : message, test);
  }

  /** The tests by the reason why they were skipped; printed when JUnit ends. */
  private static final class Skipped implements AutoCloseable {
    private final Map<String, TreeSet<String>> tests = new TreeMap<>();

    synchronized void add(String reason, String test) {
      tests.computeIfAbsent(reason, _ -> new TreeSet<>()).add(test);
    }

    @Override
    public synchronized void close() {
      StringBuilder text = new StringBuilder("Skipped tests of the conformance suite:\n");
      tests.forEach(
          (reason, names) -> {
            text.append("  ").append(reason).append(" (").append(names.size()).append(")\n");
            names.forEach(name -> text.append("    ").append(name).append('\n'));
          });
      System.out.print(text);
    }
  }
}
