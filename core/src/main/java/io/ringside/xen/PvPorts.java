package io.ringside.xen;

import io.ringside.cpu.GuestFault;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;

/**
 * IN, OUT, INS and OUTS of one vCPU's guest, as Xen emulates them ({@code guest_io_read} and kin): a domain without
 * devices that has given itself the privilege (PHYSDEVOP_set_iopl, PHYSDEVOP_set_iobitmap) finds no device behind any
 * port, only the latches of the RTC's and PCI's index ports.
 *
 * <p>One port reads otherwise than in Xen, where all bits are set: the counter of the PIT's channel 2. Linux wants to
 * calibrate the TSC by it, even though Xen has told it the frequency, and takes all bits set for a counter that has begun
 * and still stands: it would read it 100,000 times. Reading 0, it gives up at once ({@code quick_pit_calibrate}).
 */
final class PvPorts {
  private static final int PIT_COUNTER = 0x42;
  private static final int RTC_INDEX = 0x70;
  private static final int PCI_ADDRESS = 0xcf8;

  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RSI = 6;
  private static final int RDI = 7;

  private static final int FS = 4;
  private static final int GS = 5;

  private static final long DF = 1 << 10;

  /** Elements of a repeated instruction that are done at once. */
  private static final int SLICE = 4096;

  private static final int WRITE = 2;

  private final PvVcpu vcpu;
  private final VirtualRegisters registers;
  private int rtcIndex;
  private int pciAddress;

  PvPorts(PvVcpu vcpu) {
    this.vcpu = vcpu;
    this.registers = vcpu.traps().registers();
  }

  /**
   * Whether the guest has given its present mode the privilege for an access. Kernel mode counts as ring 1, but as ring 0
   * under VMASST_TYPE_architectural_iopl.
   */
  boolean hasIoPrivilege() {
    int level = 3;
    if (vcpu.cpu().kernelMode()) {
      level = vcpu.domain().assists(VmAssist.ARCHITECTURAL_IOPL) ? 0 : 1;
    }
    return level <= registers.iopl() >>> 12;
  }

  private boolean isAllowed(int port, int size) {
    if (hasIoPrivilege()) {
      return true;
    }
    if (port + size > registers.ioPorts()) {
      return false;
    }
    PvCpu cpu = vcpu.cpu();
    boolean user = !cpu.kernelMode();
    if (user) {
      cpu.kernelMode(true);
    }
    long address = registers.ioBitmap() + (port >>> 3);
    int bits = permission(address) | permission(address + 1) << 8;
    if (user) {
      cpu.kernelMode(false);
    }
    return (bits >>> (port & 7) & (1 << size) - 1) == 0;
  }

  /** Eight bits of the permission bitmap; what can't be read denies. */
  private int permission(long gva) {
    try {
      return vcpu.access().readByte(gva) & 0xff;
    } catch (HypercallException e) {
      return 0xff;
    }
  }

  /**
   * Executes an instruction, or some elements of a repeated one: then RIP stays at it.
   *
   * @return the breakpoints that it hit (bits 0 to 3), or -1 where the guest has no permission
   * @throws GuestFault where memory can't be accessed
   */
  int execute(Instruction insn) {
    Kind kind = insn.opcode.kind();
    boolean string = kind == Kind.INS || kind == Kind.OUTS;
    int size = (insn.code & 1) == 0 ? 1 : insn.operandSizePrefix && !insn.w ? 2 : 4;
    PvCpu cpu = vcpu.cpu();
    boolean immediate = !string && (insn.code & 8) == 0;
    int port = (int) (immediate ? insn.immediate & 0xff : cpu.register(RDX) & 0xffff);
    if (!isAllowed(port, size)) {
      return -1;
    }
    int breakpoints = registers.ioBreakpoints(port, size);
    if (string) {
      repeat(insn, port, size, breakpoints != 0);
      return breakpoints;
    }
    if (kind == Kind.IN) {
      put(RAX, size, read(port, size));
    } else {
      write(port, size, (int) cpu.register(RAX));
    }
    cpu.rip(insn.nextRip());
    return breakpoints;
  }

  private void repeat(Instruction insn, int port, int size, boolean breaks) {
    PvCpu cpu = vcpu.cpu();
    boolean input = insn.opcode.kind() == Kind.INS;
    int pointer = input ? RDI : RSI;
    int addressSize = insn.addressSizePrefix ? 4 : 8;
    long step = (cpu.rflags() & DF) != 0 ? -size : size;
    for (int i = 0; i < SLICE; i++) {
      if (insn.rep != 0 && truncate(cpu.register(RCX), addressSize) == 0) {
        cpu.rip(insn.nextRip());
        return;
      }
      long address = truncate(cpu.register(pointer), addressSize);
      if (input) {
        store(address, size, read(port, size));
      } else {
        write(port, size, load(address + segmentBase(insn), size));
      }
      put(pointer, addressSize, cpu.register(pointer) + step);
      if (insn.rep == 0) {
        cpu.rip(insn.nextRip());
        return;
      }
      put(RCX, addressSize, cpu.register(RCX) - 1);
      if (breaks) {
        break;
      }
    }
    if (truncate(cpu.register(RCX), addressSize) == 0) {
      cpu.rip(insn.nextRip());
    }
  }

  private long segmentBase(Instruction insn) {
    PvCpu cpu = vcpu.cpu();
    return switch (insn.segment) {
      case FS -> cpu.segmentBase(PvCpu.FS);
      case GS -> cpu.segmentBase(cpu.kernelMode() ? PvCpu.GS_KERNEL : PvCpu.GS_USER);
      default -> 0;
    };
  }

  private static long truncate(long value, int size) {
    return size == 4 ? value & 0xffff_ffffL : value;
  }

  /** Sets a register of one, two, four (the rest becomes 0) or eight bytes. */
  private void put(int register, int size, long value) {
    PvCpu cpu = vcpu.cpu();
    long old = cpu.register(register);
    cpu.register(
        register,
        switch (size) {
          case 1 -> old & ~0xffL | value & 0xff;
          case 2 -> old & ~0xffffL | value & 0xffff;
          case 4 -> value & 0xffff_ffffL;
          default -> value;
        });
  }

  private int load(long gva, int size) {
    int value = 0;
    for (int i = 0; i < size; i++) {
      value |= vcpu.domain().raw().getByte(translate(gva + i, false)) << 8 * i;
    }
    return value;
  }

  private void store(long gva, int size, int value) {
    for (int i = size - 1; i >= 0; i--) {
      // All must be writable before the first is written.
      var unused = translate(gva + i, true);
    }
    for (int i = 0; i < size; i++) {
      long maddr = translate(gva + i, true);
      vcpu.domain().raw().putByte(maddr, value >>> 8 * i);
      vcpu.cpu().stored(maddr, 1);
    }
  }

  private long translate(long gva, boolean write) {
    if (!GuestAccess.isPlausible(gva, 1, 1)) {
      throw GuestFault.GP0;
    }
    long maddr = vcpu.cpu().translate(gva, write);
    if (maddr < 0) {
      throw GuestFault.pageFault(write ? WRITE : 0, gva);
    }
    return maddr;
  }

  private int read(int port, int size) {
    if (port == PCI_ADDRESS && size == 4) {
      return pciAddress;
    }
    int value = -1;
    if (port <= RTC_INDEX && RTC_INDEX < port + size) {
      value = replaceByte(value, RTC_INDEX - port, rtcIndex);
    }
    if (port <= PIT_COUNTER && PIT_COUNTER < port + size) {
      value = replaceByte(value, PIT_COUNTER - port, 0);
    }
    return value;
  }

  private static int replaceByte(int value, int number, int by) {
    return value & ~(0xff << 8 * number) | by << 8 * number;
  }

  private void write(int port, int size, int value) {
    if (port == PCI_ADDRESS && size == 4) {
      pciAddress = value;
    } else if (port <= RTC_INDEX && RTC_INDEX < port + size) {
      rtcIndex = value >>> 8 * (RTC_INDEX - port) & 0xff;
    }
  }
}
