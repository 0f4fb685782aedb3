package io.ringside.guest;

/** Programs in a guest by binary translation. */
class ShellBtTest extends ShellTests {
  ShellBtTest() {
    super(GuestMethod.BT);
  }
}
