package io.ringside.guest;

/** Programs in a guest by paravirtualization. */
class ShellPvTest extends ShellTests {
  ShellPvTest() {
    super(GuestMethod.PV);
  }
}
