package io.ringside.xen;

import io.ringside.host.NativeMemory;

/**
 * The page through which a guest makes hypercalls: 32 bytes for each number, to be called, but those of iret, which are
 * jumped to. Source: {@code pv_ring3_init_hypercall_page} in {@code xen/arch/x86/pv/hypercall.c}.
 */
final class HypercallPage {
  private static final int PAGE = 4096;
  private static final int ENTRY = 32;
  private static final int BREAKPOINT = 0xcc;

  /** push rcx; push r11. */
  private static final int SAVE = 0x53_4151;

  private static final int PUSH_RAX = 0x50;

  /** mov eax, imm32. */
  private static final int MOV_EAX = 0xb8;

  /** syscall. */
  private static final int SYSCALL = 0x050f;

  /** pop r11; pop rcx; ret. */
  private static final int RESTORE = 0xc359_5b41;

  private HypercallPage() {}

  /** Writes a whole page. */
  static void write(NativeMemory raw, long maddr) {
    raw.fill(maddr, PAGE, BREAKPOINT);
    for (int number = 0; number < PAGE / ENTRY; number++) {
      long at = maddr + (long) number * ENTRY;
      boolean iret = number == HypercallNumber.IRET;
      raw.putInt(at, SAVE | (iret ? PUSH_RAX : MOV_EAX) << 24);
      if (iret) {
        raw.putByte(at + 4, MOV_EAX);
        raw.putInt(at + 5, number);
        raw.putShort(at + 9, SYSCALL);
      } else {
        raw.putInt(at + 4, number);
        raw.putShort(at + 8, SYSCALL);
        raw.putInt(at + 10, RESTORE);
      }
    }
  }
}
