package io.ringside.cpu;

/** Layout of the XSAVE area. */
final class FpuState {
  static final int LEGACY_SIZE = 512;
  static final int HEADER_SIZE = 64;
  static final int AVX_SIZE = 256;

  private FpuState() {}
}
