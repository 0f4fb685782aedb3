package io.ringside.xen;

import io.ringside.host.NativeMemory;

/**
 * The page through which a guest makes hypercalls: 128 entries of 32 bytes, called (the one of IRET: jumped to) by number.
 * SYSCALL changes RCX and R11, so they are saved around it. Source: {@code public/arch-x86/xen-x86_64.h}.
 */
final class HypercallPage {
  private static final int SIZE = 4096;
  private static final int ENTRY = 32;

  /** PUSH RCX; PUSH R11. */
  private static final long SAVE = 0x53_4151L;

  /** SYSCALL; POP R11; POP RCX; RET. */
  private static final long CALL_AND_RETURN = 0xc3_595b_4105_0fL;

  /** MOV EAX, imm32. */
  private static final int MOV_EAX = 0xb8;

  private HypercallPage() {}

  /** Fills a page at a machine address. */
  static void write(NativeMemory raw, long maddr) {
    // INT3 in between.
    raw.fill(maddr, SIZE, 0xcc);
    for (int number = 0; number < SIZE / ENTRY; number++) {
      long entry = maddr + (long) number * ENTRY;
      if (number == HypercallNumber.IRET) {
        // PUSH RAX too: the frame that IRET takes starts with it.
        raw.putInt(entry, (int) SAVE | 0x50 << 24);
        raw.putByte(entry + 4, MOV_EAX);
        raw.putInt(entry + 5, number);
        raw.putShort(entry + 9, 0x050f);
      } else {
        raw.putInt(entry, (int) SAVE | MOV_EAX << 24);
        raw.putInt(entry + 4, number);
        raw.putInt(entry + 8, (int) CALL_AND_RETURN);
        raw.putShort(entry + 12, (int) (CALL_AND_RETURN >>> 32));
      }
    }
  }
}
