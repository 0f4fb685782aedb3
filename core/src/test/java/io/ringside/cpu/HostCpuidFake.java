package io.ringside.cpu;

/** Hosts with every feature bit set, so that only the model's own filter decides. */
final class HostCpuidFake {
  private HostCpuidFake() {}

  static HostCpuid amd() {
    return host(0x6874_7541, 0x6974_6e65, 0x444d_4163, 0x00a2_0f10);
  }

  static HostCpuid intel() {
    return host(0x756e_6547, 0x4965_6e69, 0x6c65_746e, 0x0009_06ea);
  }

  private static HostCpuid host(int ebx, int edx, int ecx, int signature) {
    return (leaf, subleaf) ->
        switch (leaf) {
          case 0 -> new int[] {0x20, ebx, ecx, edx};
          case 1 -> new int[] {signature, 0x1234_0800, -1, -1};
          case 4, 0x8000_001d ->
              subleaf < 4 ? new int[] {0xfc00_4121, 0x1c0_003f, 63, 0} : new int[4];
          case 0x8000_0000 -> new int[] {0x8000_0028, ebx, ecx, edx};
          case 0x8000_0001 -> new int[] {signature, 0, -1, -1};
          case 0x8000_0008 -> new int[] {0x3039, -1, 0x7007, 0};
          default -> new int[] {-1, -1, -1, -1};
        };
  }
}
