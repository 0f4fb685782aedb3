package io.ringside.cli;

import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * The words that followed {@code ringside run}, sorted by option but not looked into.
 *
 * <p>{@link #scan} reads the usual forms without picocli: its classes have the format of Java 5, which the JDK's AOT
 * cache can't hold, so that loading and verifying them would cost every start 90 ms of CPU time. Whatever it does
 * not know, it leaves to picocli, which has the messages.
 *
 * @param values of the options that were given; {@code true} for one without a value
 * @param guest the name of the guest, empty if none was given
 */
record RunArguments(Map<RunOption, String> values, String guest) {
  /** Reads {@code words} from index {@code from}; empty if anything in them is unusual. */
  static Optional<RunArguments> scan(String[] words, int from) {
    Map<RunOption, String> values = new EnumMap<>(RunOption.class);
    String guest = "";
    for (int i = from; i < words.length; i++) {
      String word = words[i];
      if (!word.startsWith("-")) {
        if (word.isEmpty() || !guest.isEmpty()) {
          return Optional.empty();
        }
        guest = word;
        continue;
      }
      int equals = word.indexOf('=');
      int index = RunOption.indexOf(equals < 0 ? word : word.substring(0, equals));
      if (index < 0) {
        return Optional.empty();
      }
      RunOption option = RunOption.at(index);
      String value = "true";
      if (option.takesValue() && equals >= 0) {
        value = word.substring(equals + 1);
      } else if (option.takesValue() && i + 1 < words.length && !words[i + 1].startsWith("-")) {
        value = words[++i];
      } else if (option.takesValue() || equals >= 0) {
        return Optional.empty();
      }
      if (values.put(option, value) != null) {
        return Optional.empty();
      }
    }
    return Optional.of(new RunArguments(values, guest));
  }

  /** Whether the option was given. */
  boolean has(RunOption option) {
    return values.containsKey(option);
  }

  /** The option's value, or {@code absent} if it was not given. */
  String get(RunOption option, String absent) {
    return values.getOrDefault(option, absent);
  }
}
