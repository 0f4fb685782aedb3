package io.ringside.conformance;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.ArgumentsProvider;
import org.junit.jupiter.params.support.ParameterDeclarations;

/** The methods that the system property {@value #PROPERTY} names, such as {@code bt,hvm}. */
final class Methods implements ArgumentsProvider {
  static final String PROPERTY = "ringside.conformance.methods";

  @Override
  public Stream<? extends Arguments> provideArguments(
      ParameterDeclarations parameters, ExtensionContext context) {
    String names = System.getProperty(PROPERTY, "bt,hvm");
    return Arrays.stream(names.split(",", -1))
        .map(name -> Arguments.of(Method.valueOf(name.toUpperCase(Locale.ROOT))));
  }
}
