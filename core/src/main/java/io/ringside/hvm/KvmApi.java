package io.ringside.hvm;

/** Numbers of the KVM API: ioctls, capabilities, exit reasons, and where things are in its structures. */
final class KvmApi {
  static final int VERSION = 12;

  // The device's ioctls.
  static final long GET_API_VERSION = 0xae00;
  static final long CREATE_VM = 0xae01;
  static final long CHECK_EXTENSION = 0xae03;
  static final long GET_VCPU_MMAP_SIZE = 0xae04;
  static final long GET_SUPPORTED_CPUID = 0xc008_ae05L;

  // A VM's.
  static final long CREATE_VCPU = 0xae41;
  static final long SET_USER_MEMORY_REGION = 0x4020_ae46L;
  static final long SET_TSS_ADDR = 0xae47;
  static final long SET_IDENTITY_MAP_ADDR = 0x4008_ae48L;
  static final long CREATE_IRQCHIP = 0xae60;
  static final long IRQ_LINE = 0x4008_ae61L;
  static final long SET_GSI_ROUTING = 0x4008_ae6aL;
  static final long CREATE_PIT2 = 0x4040_ae77L;
  static final long ENABLE_CAP = 0x4068_aea3L;

  // A vCPU's.
  static final long RUN = 0xae80;
  static final long GET_REGS = 0x8090_ae81L;
  static final long SET_REGS = 0x4090_ae82L;
  static final long GET_SREGS = 0x8138_ae83L;
  static final long SET_SREGS = 0x4138_ae84L;
  static final long TRANSLATE = 0xc018_ae85L;
  static final long INTERRUPT = 0x4004_ae86L;
  static final long GET_MSRS = 0xc008_ae88L;
  static final long SET_MSRS = 0x4008_ae89L;
  static final long SET_CPUID2 = 0x4008_ae90L;
  static final long NMI = 0xae9a;
  static final long SET_GUEST_DEBUG = 0x4048_ae9bL;
  static final long GET_DEBUGREGS = 0x8080_aea1L;
  static final long SET_DEBUGREGS = 0x4080_aea2L;
  static final long GET_XSAVE = 0x9000_aea4L;
  static final long SET_XSAVE = 0x5000_aea5L;
  static final long GET_XCRS = 0x8188_aea6L;
  static final long SET_XCRS = 0x4188_aea7L;

  static final int CAP_IRQCHIP = 0;
  static final int CAP_USER_MEMORY = 3;
  static final int CAP_EXT_CPUID = 7;
  static final int CAP_PIT2 = 33;
  static final int CAP_TSC_DEADLINE_TIMER = 72;
  static final int CAP_IMMEDIATE_EXIT = 136;
  static final int CAP_EXIT_ON_EMULATION_FAILURE = 204;

  // Exit reasons.
  static final int EXIT_UNKNOWN = 0;
  static final int EXIT_IO = 2;
  static final int EXIT_DEBUG = 4;
  static final int EXIT_HLT = 5;
  static final int EXIT_MMIO = 6;
  static final int EXIT_IRQ_WINDOW_OPEN = 7;
  static final int EXIT_SHUTDOWN = 8;
  static final int EXIT_FAIL_ENTRY = 9;
  static final int EXIT_INTR = 10;
  static final int EXIT_SET_TPR = 11;
  static final int EXIT_INTERNAL_ERROR = 17;
  static final int EXIT_SYSTEM_EVENT = 24;

  /** Offsets in struct kvm_run. */
  static final class Run {
    static final int REQUEST_INTERRUPT_WINDOW = 0;
    static final int IMMEDIATE_EXIT = 1;
    static final int EXIT_REASON = 8;
    static final int READY_FOR_INTERRUPT_INJECTION = 12;
    static final int IF_FLAG = 13;
    static final int CR8 = 16;
    static final int APIC_BASE = 24;
    static final int HARDWARE_REASON = 32;

    /** Direction (1 is out) in bits 7 to 0, size in 15 to 8, port in 31 to 16, count above. */
    static final int IO_ACCESS = 32;

    static final int IO_DATA_OFFSET = 40;
    static final int MMIO_ADDRESS = 32;
    static final int MMIO_DATA = 40;

    /** Length in bits 31 to 0, whether it is a write in 39 to 32. */
    static final int MMIO_ACCESS = 48;

    static final int SUBERROR = 32;
    static final int NDATA = 36;
    static final int ERROR_FLAGS = 40;
    static final int INSTRUCTION_SIZE = 48;
    static final int INSTRUCTION_BYTES = 49;

    private Run() {}
  }

  private KvmApi() {}
}
