package io.ringside.nested;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;

import java.util.ArrayList;
import java.util.List;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the tests of packages and classes where there is no Maven: in the machine of the script {@code nested/run}. Prints a line
 * for each test, the stack trace of what failed, and last of all the counts. The exit status is 0 if tests ran and
 * none failed.
 */
public final class SuiteMain {
  private SuiteMain() {}

  public static void main(String[] names) {
    LauncherDiscoveryRequestBuilder request = LauncherDiscoveryRequestBuilder.request();
    for (String name : names) {
      boolean isClass = Character.isUpperCase(name.charAt(name.lastIndexOf('.') + 1));
      request.selectors(isClass ? selectClass(name) : selectPackage(name));
    }
    Report report = new Report();
    run(request.build(), report);
    System.out.println(report.counts());
    System.exit(report.passed > 0 && report.failures.isEmpty() ? 0 : 1);
  }

  private static void run(LauncherDiscoveryRequest request, Report report) {
    try (LauncherSession session = LauncherFactory.openSession()) {
      session.getLauncher().execute(request, report);
    }
  }

  /** Counts results and prints them as they come. */
  private static final class Report implements TestExecutionListener {
    private int passed;
    private int skipped;
    private final List<String> failures = new ArrayList<>();
    private long started;

    @Override
    public void executionStarted(TestIdentifier test) {
      if (test.isTest()) {
        started = System.nanoTime();
      }
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      skipped++;
      System.out.println("skipped " + name(test) + ": " + reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      switch (result.getStatus()) {
        case SUCCESSFUL -> {
          if (test.isTest()) {
            passed++;
            long milliseconds = (System.nanoTime() - started) / 1_000_000;
            System.out.println("passed  " + name(test) + " " + milliseconds + " ms");
          }
        }
        case ABORTED -> {
          skipped++;
          String reason = result.getThrowable().map(Throwable::getMessage).orElse("");
          System.out.println("skipped " + name(test) + ": " + reason);
        }
        case FAILED -> {
          failures.add(name(test));
          System.out.println("FAILED  " + name(test));
          result.getThrowable().ifPresent(e -> e.printStackTrace(System.out));
        }
      }
    }

    private String counts() {
      StringBuilder text = new StringBuilder();
      for (String failure : failures) {
        text.append("failed: ").append(failure).append('\n');
      }
      return text.append(passed)
          .append(" passed, ")
          .append(failures.size())
          .append(" failed, ")
          .append(skipped)
          .append(" skipped")
          .toString();
    }

    /** Class and method, and the display name of one run of a parameterized test. */
    private static String name(TestIdentifier test) {
      if (test.getSource().orElse(null) instanceof MethodSource method) {
        String className = method.getClassName();
        String called = method.getMethodName();
        String shown = test.getDisplayName();
        return className.substring(className.lastIndexOf('.') + 1)
            + '.'
            + called
            + (shown.startsWith(called) ? "" : " [" + shown + ']');
      }
      return test.getDisplayName();
    }
  }
}
