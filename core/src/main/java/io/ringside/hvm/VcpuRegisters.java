package io.ringside.hvm;

import io.ringside.cpu.CpuState;
import io.ringside.host.HostException;
import io.ringside.host.HostMapping;
import io.ringside.host.KvmFile;
import io.ringside.host.NativeMemory;
import java.lang.foreign.MemorySegment;

/**
 * Copies the architectural state between a vCPU of KVM and a {@link CpuState}: general, segment, control and debug
 * registers, the MSRs of system calls, x87, SSE and AVX. Structures: arch/x86/include/uapi/asm/kvm.h.
 */
final class VcpuRegisters implements AutoCloseable {
  // Where each structure is in the scratch memory.
  private static final int REGS = 0;
  private static final int SREGS = 0x100;
  private static final int DEBUG = 0x300;
  private static final int XCRS = 0x400;
  private static final int MSRS = 0x600;
  private static final int XSAVE = 0x1000;
  private static final int SIZE = 0x2000;

  /** Which of encoding order's registers stand in struct kvm_regs at each 8 bytes. */
  private static final int[] GPR_ORDER = {0, 3, 1, 2, 6, 7, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};

  private static final int RIP = 128;
  private static final int RFLAGS = 136;

  /** The order of segments in struct kvm_sregs. */
  private static final int[] SEGMENT_ORDER = {
    CpuState.CS,
    CpuState.DS,
    CpuState.ES,
    CpuState.FS,
    CpuState.GS,
    CpuState.SS,
    CpuState.TR,
    CpuState.LDTR
  };

  private static final int SEGMENT_SIZE = 24;
  private static final int GDT = SREGS + 192;
  private static final int IDT = SREGS + 208;
  private static final int CR0 = SREGS + 224;
  private static final int CR2 = SREGS + 232;
  private static final int CR3 = SREGS + 240;
  private static final int CR4 = SREGS + 248;
  private static final int EFER = SREGS + 264;

  private static final int DR6 = DEBUG + 32;
  private static final int DR7 = DEBUG + 40;

  /** The MSRs and where {@link CpuState} has them. */
  private static final int[] MSR_NUMBERS = {
    0xc000_0081, 0xc000_0082, 0xc000_0083, 0xc000_0084, 0xc000_0102, 0xc000_0103
  };

  private static final int[] MSR_OFFSETS = {
    CpuState.STAR,
    CpuState.LSTAR,
    CpuState.CSTAR,
    CpuState.SFMASK,
    CpuState.KERNEL_GS_BASE,
    CpuState.TSC_AUX
  };

  /** The last of them is there only with RDTSCP or RDPID. */
  private static final int MSRS_ALWAYS = 5;

  private static final int XSAVE_BYTES = 832;

  private final KvmFile vcpu;
  private final HostMapping mapping = HostMapping.anonymous(SIZE, 0, 4096);
  private final NativeMemory m = mapping.memory();

  VcpuRegisters(KvmFile vcpu) {
    this.vcpu = vcpu;
  }

  /** Copies everything from the vCPU. */
  void load(CpuState s) {
    vcpu.must("KVM_GET_REGS", KvmApi.GET_REGS, m.address() + REGS);
    for (int i = 0; i < 16; i++) {
      s.gpr(GPR_ORDER[i], m.getLong(REGS + 8 * i));
    }
    s.rip(m.getLong(REGS + RIP));
    s.rflags(m.getLong(REGS + RFLAGS));

    vcpu.must("KVM_GET_SREGS", KvmApi.GET_SREGS, m.address() + SREGS);
    for (int i = 0; i < 8; i++) {
      loadSegment(s, SEGMENT_ORDER[i], SREGS + SEGMENT_SIZE * i);
    }
    s.memory().putInt(CpuState.CPL, s.accessRights(CpuState.SS) >> 5 & 3);
    s.set(CpuState.GDTR_BASE, m.getLong(GDT));
    s.set(CpuState.GDTR_LIMIT, m.getShort(GDT + 8));
    s.set(CpuState.IDTR_BASE, m.getLong(IDT));
    s.set(CpuState.IDTR_LIMIT, m.getShort(IDT + 8));
    s.set(CpuState.CR0, m.getLong(CR0));
    s.set(CpuState.CR2, m.getLong(CR2));
    s.set(CpuState.CR3, m.getLong(CR3));
    s.set(CpuState.CR4, m.getLong(CR4));
    s.set(CpuState.EFER, m.getLong(EFER));

    vcpu.must("KVM_GET_DEBUGREGS", KvmApi.GET_DEBUGREGS, m.address() + DEBUG);
    for (int i = 0; i < 4; i++) {
      s.set(CpuState.DEBUG_REGISTERS + 8 * i, m.getLong(DEBUG + 8 * i));
    }
    s.set(CpuState.DEBUG_REGISTERS + 6 * 8, m.getLong(DR6));
    s.set(CpuState.DEBUG_REGISTERS + 7 * 8, m.getLong(DR7));

    vcpu.must("KVM_GET_XCRS", KvmApi.GET_XCRS, m.address() + XCRS);
    s.set(CpuState.XCR0, m.getLong(XCRS + 16));
    int there = msrs("KVM_GET_MSRS", KvmApi.GET_MSRS);
    for (int i = 0; i < there; i++) {
      s.set(MSR_OFFSETS[i], m.getLong(MSRS + 16 + 16 * i));
    }

    vcpu.must("KVM_GET_XSAVE", KvmApi.GET_XSAVE, m.address() + XSAVE);
    s.memory().segment().asSlice(CpuState.XSAVE, XSAVE_BYTES).copyFrom(xsave());
    s.set(CpuState.FPU_IN_MEMORY, 1);
  }

  private MemorySegment xsave() {
    return m.segment().asSlice(XSAVE, XSAVE_BYTES);
  }

  private void loadSegment(CpuState s, int segment, int at) {
    int rights =
        m.getByte(at + 14)
            | m.getByte(at + 18) << 4
            | m.getByte(at + 16) << 5
            | m.getByte(at + 15) << 7
            | m.getByte(at + 21) << 12
            | m.getByte(at + 19) << 13
            | m.getByte(at + 17) << 14
            | m.getByte(at + 20) << 15;
    s.segment(
        segment,
        m.getShort(at + 12),
        m.getByte(at + 22) != 0 ? 0 : rights,
        m.getInt(at + 8) & 0xffff_ffffL,
        m.getLong(at));
  }

  /** Copies everything to the vCPU. */
  void store(CpuState s) {
    // What is not in a CpuState (CR8, the APIC's base, more of the extended state) stays as it is.
    vcpu.must("KVM_GET_SREGS", KvmApi.GET_SREGS, m.address() + SREGS);
    for (int i = 0; i < 8; i++) {
      storeSegment(s, SEGMENT_ORDER[i], SREGS + SEGMENT_SIZE * i);
    }
    m.putLong(GDT, s.get(CpuState.GDTR_BASE));
    m.putShort(GDT + 8, (int) s.get(CpuState.GDTR_LIMIT));
    m.putLong(IDT, s.get(CpuState.IDTR_BASE));
    m.putShort(IDT + 8, (int) s.get(CpuState.IDTR_LIMIT));
    m.putLong(CR0, s.get(CpuState.CR0));
    m.putLong(CR2, s.get(CpuState.CR2));
    m.putLong(CR3, s.get(CpuState.CR3));
    m.putLong(CR4, s.get(CpuState.CR4));
    m.putLong(EFER, s.get(CpuState.EFER));
    vcpu.must("KVM_SET_SREGS", KvmApi.SET_SREGS, m.address() + SREGS);

    for (int i = 0; i < 16; i++) {
      m.putLong(REGS + 8 * i, s.gpr(GPR_ORDER[i]));
    }
    m.putLong(REGS + RIP, s.rip());
    m.putLong(REGS + RFLAGS, s.rflags());
    vcpu.must("KVM_SET_REGS", KvmApi.SET_REGS, m.address() + REGS);

    m.fill(DEBUG, 128, 0);
    for (int i = 0; i < 4; i++) {
      m.putLong(DEBUG + 8 * i, s.get(CpuState.DEBUG_REGISTERS + 8 * i));
    }
    m.putLong(DR6, s.get(CpuState.DEBUG_REGISTERS + 6 * 8));
    m.putLong(DR7, s.get(CpuState.DEBUG_REGISTERS + 7 * 8));
    vcpu.must("KVM_SET_DEBUGREGS", KvmApi.SET_DEBUGREGS, m.address() + DEBUG);

    m.fill(XCRS, 392, 0);
    m.putInt(XCRS, 1);
    m.putLong(XCRS + 16, s.get(CpuState.XCR0));
    vcpu.must("KVM_SET_XCRS", KvmApi.SET_XCRS, m.address() + XCRS);
    for (int i = 0; i < MSR_NUMBERS.length; i++) {
      m.putLong(MSRS + 16 + 16 * i, s.get(MSR_OFFSETS[i]));
    }
    msrs("KVM_SET_MSRS", KvmApi.SET_MSRS);

    vcpu.must("KVM_GET_XSAVE", KvmApi.GET_XSAVE, m.address() + XSAVE);
    xsave().copyFrom(s.memory().segment().asSlice(CpuState.XSAVE, XSAVE_BYTES));
    vcpu.must("KVM_SET_XSAVE", KvmApi.SET_XSAVE, m.address() + XSAVE);
  }

  private void storeSegment(CpuState s, int segment, int at) {
    int rights = s.accessRights(segment);
    m.fill(at, SEGMENT_SIZE, 0);
    m.putLong(at, s.base(segment));
    m.putInt(at + 8, (int) s.limit(segment));
    m.putShort(at + 12, s.selector(segment));
    m.putByte(at + 14, rights & 15);
    m.putByte(at + 15, rights >> 7 & 1);
    m.putByte(at + 16, rights >> 5 & 3);
    m.putByte(at + 17, rights >> 14 & 1);
    m.putByte(at + 18, rights >> 4 & 1);
    m.putByte(at + 19, rights >> 13 & 1);
    m.putByte(at + 20, rights >> 15 & 1);
    m.putByte(at + 21, rights >> 12 & 1);
    m.putByte(at + 22, (rights & 0x80) == 0 ? 1 : 0);
  }

  /** Reads or writes the MSRs; how many there were. */
  private int msrs(String what, long request) {
    m.putInt(MSRS, MSR_NUMBERS.length);
    m.putInt(MSRS + 4, 0);
    for (int i = 0; i < MSR_NUMBERS.length; i++) {
      m.putInt(MSRS + 8 + 16 * i, MSR_NUMBERS[i]);
      m.putInt(MSRS + 12 + 16 * i, 0);
    }
    int done = vcpu.must(what, request, m.address() + MSRS);
    if (done < MSRS_ALWAYS) {
      throw new HostException(what + " refuses MSR 0x" + Integer.toHexString(MSR_NUMBERS[done]));
    }
    return done;
  }

  /** Writes one MSR; false if KVM refuses it. */
  boolean write(int msr, long value) {
    m.putInt(MSRS, 1);
    m.putInt(MSRS + 4, 0);
    m.putInt(MSRS + 8, msr);
    m.putInt(MSRS + 12, 0);
    m.putLong(MSRS + 16, value);
    return vcpu.ioctl(KvmApi.SET_MSRS, m.address() + MSRS) == 1;
  }

  /** The gpa of a linear address by the guest's page tables, or -1. */
  long translate(long gva) {
    m.putLong(MSRS, gva);
    vcpu.must("KVM_TRANSLATE", KvmApi.TRANSLATE, m.address() + MSRS);
    return m.getByte(MSRS + 16) == 0 ? -1 : m.getLong(MSRS + 8);
  }

  @Override
  public void close() {
    mapping.close();
  }
}
