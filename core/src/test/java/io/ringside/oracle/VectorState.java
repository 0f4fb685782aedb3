package io.ringside.oracle;

import io.ringside.host.NativeMemory;

/** An XSAVE area in standard format: x87, SSE and AVX state to start a case with, and how two of them are compared. */
final class VectorState {
  private static final int XSTATE_BV = 512;
  private static final int YMM_HIGH = 576;

  private final byte[] area = new byte[NativeProcessor.VECTOR_SIZE];

  VectorState() {
    area[0] = 0x7f;
    area[1] = 3;
    area[24] = (byte) 0x80;
    area[25] = 0x1f;
  }

  /** The area; XSTATE_BV is set when it is stored. */
  byte[] area() {
    return area;
  }

  void store(NativeMemory memory, long offset) {
    area[XSTATE_BV] = 7;
    memory.write(offset, area, 0, area.length);
  }

  /** Appends what differs: control and status, registers; not the addresses of the last instruction and operand. */
  void compare(NativeMemory host, long hostAt, NativeMemory guest, long guestAt, StringBuilder text) {
    int hostInUse = host.getByte(hostAt + XSTATE_BV);
    int guestInUse = guest.getByte(guestAt + XSTATE_BV);
    for (int n = 0; n < 32; n += 2) {
      if (n >= 6 && n < 24 || n >= 28) {
        continue;
      }
      boolean mxcsr = n >= 24;
      int want = value(host, hostAt + n, mxcsr || (hostInUse & 1) != 0, n);
      int got = value(guest, guestAt + n, mxcsr || (guestInUse & 1) != 0, n);
      if (want != got) {
        text.append("\n  x87/MXCSR byte ").append(n).append(": host ").append(Integer.toHexString(want)).append(
            ", guest ").append(Integer.toHexString(got));
      }
    }
    for (int r = 0; r < 8; r++) {
      compare("st/mm", r, 10, host, hostAt + 32 + 16 * r, hostInUse & 1, guest, guestAt + 32 + 16 * r, guestInUse & 1, text);
    }
    for (int r = 0; r < 16; r++) {
      long at = 160 + 16L * r;
      compare("xmm", r, 16, host, hostAt + at, hostInUse & 2, guest, guestAt + at, guestInUse & 2, text);
      at = YMM_HIGH + 16L * r;
      compare("ymm", r, 16, host, hostAt + at, hostInUse & 4, guest, guestAt + at, guestInUse & 4, text);
    }
  }

  private static int value(NativeMemory memory, long at, boolean inUse, int field) {
    return inUse ? memory.getShort(at) : field == 0 ? 0x37f : 0;
  }

  private static void compare(
      String name,
      int register,
      int size,
      NativeMemory host,
      long hostAt,
      int hostInUse,
      NativeMemory guest,
      long guestAt,
      int guestInUse,
      StringBuilder text) {
    for (int n = size - 2; n >= 0; n -= 2) {
      int want = hostInUse == 0 ? 0 : host.getShort(hostAt + n);
      int got = guestInUse == 0 ? 0 : guest.getShort(guestAt + n);
      if (want != got) {
        text.append("\n  ").append(name).append(register).append(" byte ").append(n).append(": host ").append(
            Integer.toHexString(want)).append(", guest ").append(Integer.toHexString(got));
        return;
      }
    }
  }
}
