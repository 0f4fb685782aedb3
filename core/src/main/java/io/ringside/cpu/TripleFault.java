package io.ringside.cpu;

/** The guest's processor shut down: an exception while it delivered #DF (SDM vol. 3, 6.15, interrupt 8). */
public final class TripleFault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TripleFault(String detail) {
    super(detail, null, false, false);
  }
}
