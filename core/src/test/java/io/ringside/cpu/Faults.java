package io.ringside.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Asserts that code raises one exception of the processor. */
final class Faults {
  private Faults() {}

  static GuestFault fault(ThrowingCallable code) {
    GuestFault fault = catchThrowableOfType(GuestFault.class, code);
    assertThat(fault).as("a fault").isNotNull();
    return fault;
  }

  static void assertFault(ThrowingCallable code, int vector, int errorCode) {
    GuestFault fault = fault(code);
    assertThat(fault.getMessage()).isEqualTo(GuestFault.withCode(vector, errorCode).getMessage());
  }

  static void assertUndefined(ThrowingCallable code) {
    assertThat(fault(code)).isSameAs(GuestFault.UD);
  }

  static void assertProtection(ThrowingCallable code) {
    assertFault(code, GuestFault.GENERAL_PROTECTION, 0);
  }

  static void assertPageFault(ThrowingCallable code, int errorCode, long address) {
    GuestFault fault = fault(code);
    assertThat(fault.getMessage()).isEqualTo(GuestFault.pageFault(errorCode, address).getMessage());
  }
}
