package io.ringside.guest;

/** The shell in a guest by binary translation. */
class JobControlBtTest extends JobControlTests {
  JobControlBtTest() {
    super(GuestMethod.BT);
  }
}
