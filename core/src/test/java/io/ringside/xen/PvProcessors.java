package io.ringside.xen;

import io.ringside.conformance.FakeInterrupts;
import io.ringside.cpu.CpuidModel;

/** Models of processors on hosts that have every feature bit set. */
final class PvProcessors {
  private PvProcessors() {}

  static CpuidModel amd() {
    return model(0x6874_7541, 0x6974_6e65, 0x444d_4163, 0x00a2_0f10);
  }

  /** A processor of family 10h. */
  static CpuidModel oldAmd() {
    return model(0x6874_7541, 0x6974_6e65, 0x444d_4163, 0x0010_0f42);
  }

  static CpuidModel intel() {
    return model(0x756e_6547, 0x4965_6e69, 0x6c65_746e, 0x0009_06ea);
  }

  private static CpuidModel model(int ebx, int edx, int ecx, int signature) {
    return new CpuidModel(
        (leaf, subleaf) ->
            switch (leaf) {
              case 0 -> new int[] {0x20, ebx, ecx, edx};
              case 1 -> new int[] {signature, 0x1234_0800, -1, -1};
              case 4, 0x8000_001d ->
                  subleaf < 4 ? new int[] {0xfc00_4121, 0x1c0_003f, 63, 0} : new int[4];
              case 0x8000_0000 -> new int[] {0x8000_0028, ebx, ecx, edx};
              case 0x8000_0001 -> new int[] {signature, 0, -1, -1};
              case 0x8000_0008 -> new int[] {0x3039, -1, 0x7007, 0};
              default -> new int[] {-1, -1, -1, -1};
            },
        new FakeInterrupts(),
        40,
        2_000_000_000L,
        1_000_000_000L);
  }
}
