package io.ringside.guest;

/** The shell in a guest by paravirtualization. */
class JobControlPvTest extends JobControlTests {
  JobControlPvTest() {
    super(GuestMethod.PV);
  }
}
