package io.ringside;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import io.ringside.machine.Vcpu;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.util.AbstractCollection;
import java.util.AbstractMap;
import org.junit.jupiter.api.Test;

/** The rules of {@code docs/architecture.md} that the compiler can't check. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.ringside");

  private static final DescribedPredicate<JavaClass> MUTABLE_BY_NATURE =
      describe(
          "mutable by nature",
          type ->
              type.getPackageName().equals("java.util.concurrent.atomic")
                  || type.isAssignableTo(AbstractCollection.class)
                  || type.isAssignableTo(AbstractMap.class)
                  || type.isAssignableTo(StringBuilder.class)
                  || type.isAssignableTo(ThreadLocal.class));

  @Test
  void nativeCallsSitInOnePackage() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage("io.ringside.host..")
            .should()
            .dependOnClassesThat(
                belongToAnyOf(
                    Arena.class, FunctionDescriptor.class, Linker.class, SymbolLookup.class)));
  }

  @Test
  void theMachineKnowsNoMethod() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage(
                "io.ringside.machine..",
                "io.ringside.device..",
                "io.ringside.devices..",
                "io.ringside.host..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.ringside.bt..", "io.ringside.pv..", "io.ringside.hvm..", "io.ringside.boot.."));
  }

  @Test
  void decodingKnowsNoMachine() {
    check(
        noClasses()
            .that()
            .resideInAnyPackage("io.ringside.x86..", "io.ringside.asm..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.ringside.machine..", "io.ringside.bt..", "io.ringside.boot.."));
  }

  @Test
  void noStaticState() {
    check(fields().that().areStatic().should().beFinal());
    check(noFields().that().areStatic().should().haveRawType(MUTABLE_BY_NATURE));
  }

  @Test
  void noStandardStreams() {
    check(noClasses().should(ACCESS_STANDARD_STREAMS));
  }

  @Test
  void noUnsafe() {
    check(noClasses().should().dependOnClassesThat().haveFullyQualifiedName("sun.misc.Unsafe"));
  }

  @Test
  void packagesHaveNoCycles() {
    check(slices().matching("io.ringside.(*)..").should().beFreeOfCycles());
  }

  /** Guards the others against checking nothing. */
  @Test
  void theClassesAreThere() {
    org.assertj.core.api.Assertions.assertThat(CLASSES.contain(Vcpu.class)).isTrue();
  }

  private static void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(CLASSES);
  }
}
