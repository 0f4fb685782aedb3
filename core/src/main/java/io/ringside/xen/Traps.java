package io.ringside.xen;

import io.ringside.cpu.GuestFault;
import io.ringside.host.NativeMemory;
import io.ringside.xen.XenStatistics.Counter;

/**
 * How one vCPU enters its guest kernel, and how the kernel leaves: exceptions, system calls, events and NMIs become a
 * bounce frame on the kernel's stack; the IRET hypercall takes one away. All by Xen's rules ({@code create_bounce_frame},
 * {@code do_iret}). The engine calls the public methods on the vCPU's thread while the guest is out of translated code;
 * afterwards the registers are those to go on with.
 *
 * <p>The frame, from low to high addresses, 8 bytes each, below a 16-byte boundary: RCX, R11, the error code if the
 * exception has one, RIP, CS with the saved upcall mask in bits 32 to 39, RFLAGS with IF showing that mask, RSP, SS. CS
 * has RPL 0 if the kernel was interrupted, else 3.
 */
public final class Traps {
  static final int DEBUG = 1;
  static final int NMI = 2;
  static final int BREAKPOINT = 3;
  static final int OVERFLOW = 4;
  static final int INVALID_OPCODE = 6;
  static final int DEVICE_NOT_AVAILABLE = 7;
  static final int SEGMENT_NOT_PRESENT = 11;
  static final int STACK_FAULT = 12;
  static final int GENERAL_PROTECTION = 13;
  static final int PAGE_FAULT = 14;

  /** In place of a vector: an event, or a system call. */
  private static final int EVENT = -1;

  private static final int SYSTEM_CALL = -2;

  private static final int LEGACY_SYSTEM_CALL = 0x80;

  /** Exceptions that push an error code: 8, 10 to 14, 17, 21, 29, 30. SDM vol. 3, 6.3.1; APM vol. 2, 8.2. */
  private static final int HAVE_ERROR_CODE =
      1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 21 | 1 << 29
          | 1 << 30;

  /** Exceptions after which RF is not set in the frame: #DB, NMI, #BP, #OF, #DF, #MC. SDM vol. 3, 17.3.1.1. */
  private static final int TRAPS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8 | 1 << 18;

  /** Error code of a selector that is a vector: an IDT entry was at fault. */
  private static final int ERROR_IDT = 2;

  /** Error code of a page fault: user mode. */
  private static final int ERROR_USER = 4;

  private static final int RCX = 1;
  private static final int RSP = 4;
  private static final int R11 = 11;
  private static final int CS = 1;
  private static final int SS = 2;

  private static final long TF = 1 << 8;
  private static final long IF = 1 << 9;
  private static final long DF = 1 << 10;
  private static final long IOPL = 3 << 12;
  private static final long NT = 1 << 14;
  private static final long RF = 1 << 16;
  private static final long VM = 1 << 17;
  private static final long AC = 1 << 18;

  /** In an IRET frame: RCX and R11 need not be restored. Source: {@code public/arch-x86/xen-x86_64.h}. */
  private static final long IN_SYSCALL = 1 << 8;

  private static final int PAGE = 4096;

  private final PvVcpu vcpu;
  private final Domain domain;
  private final NativeMemory raw;
  private final TrapTable table = new TrapTable();
  private final Callbacks callbacks = new Callbacks();
  private final VirtualRegisters registers = new VirtualRegisters();

  private long kernelStack;
  private volatile boolean nmiPending;
  private volatile boolean nmiMasked;

  Traps(PvVcpu vcpu, Domain domain) {
    this.vcpu = vcpu;
    this.domain = domain;
    this.raw = domain.raw();
  }

  /** The exception handlers. */
  TrapTable table() {
    return table;
  }

  /** The other entries. */
  Callbacks callbacks() {
    return callbacks;
  }

  /** The control and debug registers that the guest has. */
  VirtualRegisters registers() {
    return registers;
  }

  /** Sets the stack that the kernel is entered with from user mode. */
  void kernelStack(long rsp) {
    kernelStack = rsp;
  }

  /** The stack that the kernel is entered with from user mode. */
  long kernelStack() {
    return kernelStack;
  }

  // What the guest does.

  /**
   * Delivers an exception of the processor; RIP is the one that the exception reports. #PF goes to {@link #pageFault},
   * #DB to {@link #debugException}.
   *
   * @param errorCode ignored where the exception has none
   */
  public void exception(int vector, int errorCode) {
    domain.statistics().count(Counter.EXCEPTIONS);
    boolean hasErrorCode = vector < 32 && (HAVE_ERROR_CODE >>> vector & 1) != 0;
    enterHandler(vector, hasErrorCode, errorCode, (TRAPS >>> vector & 1) == 0);
    if (vector == DEVICE_NOT_AVAILABLE) {
      // Xen clears CR0.TS when it delivers #NM.
      registers.taskSwitched(false);
      vcpu.cpu().taskSwitched(false);
    }
  }

  /**
   * Delivers a page fault that the guest kernel is to see.
   *
   * @param address what CR2 is to show
   * @param errorCode as the processor gives it; the user bit is set here by the guest's mode
   */
  public void pageFault(long address, int errorCode) {
    setCr2(address);
    domain.statistics().count(Counter.EXCEPTIONS);
    int mode = vcpu.cpu().kernelMode() ? 0 : ERROR_USER;
    enterHandler(PAGE_FAULT, true, errorCode & ~ERROR_USER | mode, true);
  }

  /** Sets CR2, wherever the guest reads it. */
  void setCr2(long address) {
    registers.cr2(address);
    raw.putLong(vcpu.infoAddress() + SharedInfo.CR2, address);
    vcpu.cpu().cr2(address);
  }

  /**
   * Delivers a #DB.
   *
   * @param causes the bits of DR6 that say why
   */
  public void debugException(long causes) {
    registers.debugCaused(causes);
    vcpu.cpu().debugRegister(6, registers.debug(6));
    exception(DEBUG, 0);
  }

  /**
   * INT n, INT3 or INTO, RIP being at the instruction. As under Xen, vectors 3 and 4 are open to all, and so is 0x80 if it
   * has a handler; any other needs a handler that the guest's mode may use, else it is a #GP.
   *
   * @param next where the next instruction is
   */
  public void softwareInterrupt(int vector, long next) {
    PvCpu cpu = vcpu.cpu();
    boolean open =
        switch (vector) {
          case BREAKPOINT, OVERFLOW -> true;
          case LEGACY_SYSTEM_CALL ->
              table.address(vector) != 0 || table.privilege(vector) >= (cpu.kernelMode() ? 1 : 3);
          default -> table.privilege(vector) >= (cpu.kernelMode() ? 1 : 3);
        };
    if (!open) {
      exception(GENERAL_PROTECTION, vector << 3 | ERROR_IDT);
      return;
    }
    domain.statistics().count(Counter.EXCEPTIONS);
    cpu.rip(next);
    enterHandler(vector, false, 0, false);
  }

  /**
   * SYSCALL in user mode, or in 32-bit code; RIP is after the instruction. RCX and R11 get what SYSCALL puts there.
   *
   * @param compatibility whether 32-bit code made it
   */
  public void systemCall(boolean compatibility) {
    PvCpu cpu = vcpu.cpu();
    long rip = cpu.rip();
    long rflags = cpu.rflags() & ~RF;
    cpu.register(RCX, rip);
    cpu.register(R11, rflags);
    int cs = compatibility ? Layout.FLAT_CS32 : Layout.FLAT_CS64;
    long target = compatibility ? callbacks.syscall32() : callbacks.syscall();
    long rsp = cpu.register(RSP);
    if (target == 0) {
      domain.statistics().count(Counter.EXCEPTIONS);
      boolean masks = table.masksEvents(INVALID_OPCODE);
      long handler = table.address(INVALID_OPCODE);
      bounce(INVALID_OPCODE, handler, masks, false, 0, rip - 2, cs, rflags, rsp, Layout.FLAT_SS);
      return;
    }
    domain.statistics().count(Counter.SYSTEM_CALLS);
    boolean masks = callbacks.syscallMasks();
    if (bounce(SYSTEM_CALL, target, masks, false, 0, rip, cs, rflags, rsp, Layout.FLAT_SS)) {
      cpu.rflags(cpu.rflags() & ~DF);
    }
  }

  /** SYSENTER, which leaves no return address: the frame has none either. */
  public void sysenter() {
    PvCpu cpu = vcpu.cpu();
    long rflags = cpu.rflags();
    if (callbacks.sysenter() == 0) {
      domain.statistics().count(Counter.EXCEPTIONS);
      boolean masks = table.masksEvents(GENERAL_PROTECTION);
      long handler = table.address(GENERAL_PROTECTION);
      bounce(GENERAL_PROTECTION, handler, masks, true, 0, 0, 3, rflags, 0, Layout.FLAT_SS);
    } else {
      domain.statistics().count(Counter.SYSTEM_CALLS);
      boolean masks = callbacks.sysenterMasks();
      long entry = callbacks.sysenter();
      bounce(SYSTEM_CALL, entry, masks, false, 0, 0, 3, rflags, 0, Layout.FLAT_SS);
    }
  }

  // What comes from outside.

  /** Whether {@link #deliverPending} has something to do. From any thread. */
  public boolean hasPending() {
    return nmiPending && !nmiMasked || vcpu.upcallPending();
  }

  /** To be called each time before the guest is entered: delivers an NMI and an event upcall if they are due. */
  public void deliverPending() {
    if (nmiPending && !nmiMasked) {
      nmiPending = false;
      long handler = table.address(NMI);
      if (handler != 0 && enter(NMI, handler, table.masksEvents(NMI), false, 0, 0)) {
        nmiMasked = true;
      }
    }
    if (vcpu.upcallPending()) {
      domain.statistics().count(Counter.UPCALLS);
      enter(EVENT, callbacks.event(), true, false, 0, 0);
    }
  }

  /** Makes an NMI pending; false if one was. */
  boolean raiseNmi() {
    boolean raised = !nmiPending;
    nmiPending = true;
    return raised;
  }

  // The way in.

  private void enterHandler(int vector, boolean hasErrorCode, int errorCode, boolean fault) {
    long handler = table.address(vector);
    if (handler == 0) {
      crash("the guest kernel has no handler for " + describe(vector, hasErrorCode, errorCode));
      return;
    }
    enter(vector, handler, table.masksEvents(vector), hasErrorCode, errorCode, fault ? RF : 0);
  }

  /** What an exception was and where, for a message. */
  private String describe(int vector, boolean hasErrorCode, int errorCode) {
    StringBuilder text = new StringBuilder();
    if (vector == EVENT) {
      text.append("an event");
    } else if (vector == SYSTEM_CALL) {
      text.append("a system call");
    } else {
      text.append(GuestFault.name(vector));
      if (hasErrorCode) {
        text.append("(0x").append(Integer.toHexString(errorCode)).append(')');
      }
      if (vector == PAGE_FAULT) {
        text.append(" at address 0x").append(Long.toHexString(registers.cr2()));
      }
    }
    String mode = vcpu.cpu().kernelMode() ? " in kernel mode, at " : " in user mode, at ";
    return text.append(mode).append(vcpu.cpu().describeInstruction()).toString();
  }

  private boolean enter(
      int vector,
      long target,
      boolean masksEvents,
      boolean hasErrorCode,
      int errorCode,
      long shownFlags) {
    PvCpu cpu = vcpu.cpu();
    return bounce(
        vector,
        target,
        masksEvents,
        hasErrorCode,
        errorCode,
        cpu.rip(),
        cpu.selector(CS),
        cpu.rflags() | shownFlags,
        cpu.register(RSP),
        cpu.selector(SS));
  }

  /**
   * Enters the guest kernel at {@code target}.
   *
   * @param vector for what, for messages
   * @return false where the domain crashed, for want of a target or a stack
   */
  private boolean bounce(
      int vector,
      long target,
      boolean masksEvents,
      boolean hasErrorCode,
      int errorCode,
      long rip,
      int cs,
      long rflags,
      long rsp,
      int ss) {
    PvCpu cpu = vcpu.cpu();
    if (target == 0) {
      crash("the guest kernel has no entry for " + describe(vector, hasErrorCode, errorCode));
      return false;
    }
    long stack;
    int shownCs = cs;
    boolean kernel = cpu.kernelMode();
    if (kernel) {
      stack = rsp;
      shownCs &= ~3;
    } else {
      vcpu.kernelMode(true);
      stack = kernelStack;
    }
    stack &= -16;
    int slots = hasErrorCode ? 8 : 7;
    long frame = stack - 8L * slots;
    long info = vcpu.infoAddress();
    int mask = raw.getByte(info + SharedInfo.UPCALL_MASK);
    long shownFlags = rflags & ~(IF | IOPL) | (mask == 0 ? IF : 0);
    if (domain.assists(VmAssist.ARCHITECTURAL_IOPL)) {
      shownFlags |= registers.iopl();
    }
    try {
      if (Long.compareUnsigned(stack, Layout.HYPERVISOR_START) > 0
          && Long.compareUnsigned(stack, Layout.HYPERVISOR_END + 64) < 0) {
        throw HypercallException.EFAULT;
      }
      long slot = prepare(frame, 8 * slots);
      put(slot, frame, 0, cpu.register(RCX));
      put(slot, frame, 1, cpu.register(R11));
      int next = 2;
      if (hasErrorCode) {
        put(slot, frame, next++, errorCode & 0xffff_ffffL);
      }
      put(slot, frame, next++, rip);
      put(slot, frame, next++, shownCs & 0xffff | (long) mask << 32);
      put(slot, frame, next++, shownFlags);
      put(slot, frame, next++, rsp);
      put(slot, frame, next, ss & 0xffff);
      if (slot >= 0) {
        cpu.stored(slot, 8 * slots);
      }
    } catch (HypercallException e) {
      // Described in the mode that it came from.
      cpu.kernelMode(kernel);
      crash(
          "the guest kernel's stack at 0x"
              + Long.toHexString(stack)
              + " can't be written, for "
              + describe(vector, hasErrorCode, errorCode));
      return false;
    }
    if (masksEvents) {
      raw.putByte(info + SharedInfo.UPCALL_MASK, mask | 1);
    }
    long newFlags = rflags & ~(AC | VM | RF | NT | TF);
    cpu.rflags(newFlags);
    cpu.rip(target);
    cpu.register(RSP, frame);
    // Xen leaves by SYSRET.
    cpu.register(RCX, target);
    cpu.register(R11, newFlags & ~IOPL | IF);
    flatSegments(cpu);
    return true;
  }

  /** The machine address of a frame that lies in one page, or -1 where it has to be written by virtual addresses. */
  private long prepare(long frame, int size) {
    return (frame & PAGE - 1) <= PAGE - size ? vcpu.access().writable(frame) : -1;
  }

  private void put(long maddr, long frame, int slot, long value) {
    if (maddr >= 0) {
      raw.putLong(maddr + 8L * slot, value);
    } else {
      vcpu.access().writeLong(frame + 8L * slot, value);
    }
  }

  /** Loads CS and SS with Xen's flat 64-bit segments. */
  public static void flatSegments(PvCpu cpu) {
    if (cpu.selector(CS) != Layout.FLAT_CS64) {
      cpu.loadSelector(CS, Layout.FLAT_CS64);
    }
    if (cpu.selector(SS) != Layout.FLAT_SS) {
      cpu.loadSelector(SS, Layout.FLAT_SS);
    }
  }

  // The way out.

  /**
   * The IRET hypercall: goes on as the frame at RSP says, which is RAX, R11, RCX, flags, RIP, CS, RFLAGS, RSP, SS.
   *
   * @return the new RAX
   */
  long iret() {
    PvCpu cpu = vcpu.cpu();
    GuestAccess access = vcpu.access();
    long frame = cpu.register(RSP);
    long rax;
    long r11;
    long rcx;
    long flags;
    long rip;
    int cs;
    long rflags;
    long rsp;
    int ss;
    try {
      long maddr = (frame & PAGE - 1) <= PAGE - 72 ? access.readable(frame) : -1;
      rax = get(maddr, frame, 0);
      r11 = get(maddr, frame, 1);
      rcx = get(maddr, frame, 2);
      flags = get(maddr, frame, 3);
      rip = get(maddr, frame, 4);
      cs = (int) get(maddr, frame, 5) & 0xffff;
      rflags = get(maddr, frame, 6);
      rsp = get(maddr, frame, 7);
      ss = (int) get(maddr, frame, 8) & 0xffff;
    } catch (HypercallException e) {
      crash("the guest kernel's frame for IRET at 0x" + Long.toHexString(frame) + " can't be read");
      return 0;
    }
    if ((cs & 3) == 3) {
      if (vcpu.userRoot() == 0) {
        crash("the guest kernel made an IRET to user mode, for which it has set no page tables");
        return 0;
      }
      vcpu.kernelMode(false);
      domain.statistics().userEntered();
    }
    if (domain.assists(VmAssist.ARCHITECTURAL_IOPL)) {
      registers.iopl(rflags & IOPL);
    }
    raw.putByte(vcpu.infoAddress() + SharedInfo.UPCALL_MASK, (rflags & IF) == 0 ? 1 : 0);
    nmiMasked = false;
    resume(rip, cs | 3, rflags & ~(IOPL | VM) | IF, rsp, ss | 3, flags, rcx, r11);
    return rax;
  }

  private long get(long maddr, long frame, int slot) {
    return maddr >= 0 ? raw.getLong(maddr + 8L * slot) : vcpu.access().readLong(frame + 8L * slot);
  }

  private void resume(
      long rip, int cs, long rflags, long rsp, int ss, long flags, long rcx, long r11) {
    PvCpu cpu = vcpu.cpu();
    boolean sysret = (flags & IN_SYSCALL) != 0;
    if (sysret) {
      cpu.register(RCX, rip);
      cpu.register(R11, rflags);
    } else {
      cpu.register(RCX, rcx);
      cpu.register(R11, r11);
    }
    // SYSRET loads no selectors, and Xen's own only. 32-bit code is refused below.
    if (sysret && isCanonical(rip) && cs != Layout.FLAT_CS32) {
      flatSegments(cpu);
      cpu.rflags(rflags & ~RF);
      cpu.register(RSP, rsp);
      cpu.rip(rip);
      return;
    }
    // Xen's own IRET faults where the frame is bad, and the fault is the guest's.
    int error = isCanonical(rip) ? -1 : 0;
    int vector = GENERAL_PROTECTION;
    if (error < 0 && cpu.selector(CS) != cs && !cpu.loadSelector(CS, cs)) {
      vector = isPresent(cs) ? GENERAL_PROTECTION : SEGMENT_NOT_PRESENT;
      error = cs & 0xfffc;
    }
    if (error < 0 && cpu.selector(SS) != ss && !cpu.loadSelector(SS, ss)) {
      vector = isPresent(ss) ? GENERAL_PROTECTION : STACK_FAULT;
      error = ss & 0xfffc;
    }
    if (error >= 0) {
      domain.statistics().count(Counter.EXCEPTIONS);
      boolean masks = table.masksEvents(vector);
      bounce(vector, table.address(vector), masks, true, error, rip, cs, rflags, rsp, ss);
      return;
    }
    cpu.rflags(rflags);
    cpu.register(RSP, rsp);
    cpu.rip(rip);
  }

  /** Whether a selector that can't be loaded names nothing at all or something that is present. */
  private boolean isPresent(int selector) {
    long descriptor = vcpu.descriptor(selector);
    return descriptor == 0 || (descriptor >>> 47 & 1) != 0;
  }

  /** Whether bits 47 to 63 are equal. */
  static boolean isCanonical(long address) {
    return address >> 47 == address >> 63;
  }

  private void crash(String why) {
    domain.crash(why);
  }
}
