package io.ringside.xen;

/** Hypercall numbers, in RAX on entry. Source: {@code public/xen.h}, {@code public/arch-x86/xen-mca.h}. */
public final class HypercallNumber {
  public static final int SET_TRAP_TABLE = 0;
  public static final int MMU_UPDATE = 1;
  public static final int SET_GDT = 2;
  public static final int STACK_SWITCH = 3;
  public static final int SET_CALLBACKS = 4;
  public static final int FPU_TASKSWITCH = 5;
  public static final int SCHED_OP_COMPAT = 6;
  public static final int PLATFORM_OP = 7;
  public static final int SET_DEBUGREG = 8;
  public static final int GET_DEBUGREG = 9;
  public static final int UPDATE_DESCRIPTOR = 10;
  public static final int MEMORY_OP = 12;
  public static final int MULTICALL = 13;
  public static final int UPDATE_VA_MAPPING = 14;
  public static final int SET_TIMER_OP = 15;
  public static final int EVENT_CHANNEL_OP_COMPAT = 16;
  public static final int XEN_VERSION = 17;
  public static final int CONSOLE_IO = 18;
  public static final int PHYSDEV_OP_COMPAT = 19;
  public static final int GRANT_TABLE_OP = 20;
  public static final int VM_ASSIST = 21;
  public static final int UPDATE_VA_MAPPING_OTHERDOMAIN = 22;
  public static final int IRET = 23;
  public static final int VCPU_OP = 24;
  public static final int SET_SEGMENT_BASE = 25;
  public static final int MMUEXT_OP = 26;
  public static final int XSM_OP = 27;
  public static final int NMI_OP = 28;
  public static final int SCHED_OP = 29;
  public static final int CALLBACK_OP = 30;
  public static final int XENOPROF_OP = 31;
  public static final int EVENT_CHANNEL_OP = 32;
  public static final int PHYSDEV_OP = 33;
  public static final int HVM_OP = 34;
  public static final int SYSCTL = 35;
  public static final int DOMCTL = 36;
  public static final int KEXEC_OP = 37;
  public static final int TMEM_OP = 38;
  public static final int ARGO_OP = 39;
  public static final int XENPMU_OP = 40;
  public static final int DM_OP = 41;
  public static final int HYPFS_OP = 42;
  public static final int MCA = 48;
  public static final int PAGING_DOMCTL_CONT = 49;

  /** One more than the highest number that the hypercall table has room for. */
  public static final int COUNT = 64;

  // spotless:off
  private static final String[] NAMES = {
    "set_trap_table", "mmu_update", "set_gdt", "stack_switch", "set_callbacks", "fpu_taskswitch", "sched_op_compat",
    "platform_op", "set_debugreg", "get_debugreg", "update_descriptor", "", "memory_op", "multicall",
    "update_va_mapping", "set_timer_op", "event_channel_op_compat", "xen_version", "console_io", "physdev_op_compat",
    "grant_table_op", "vm_assist", "update_va_mapping_otherdomain", "iret", "vcpu_op", "set_segment_base", "mmuext_op",
    "xsm_op", "nmi_op", "sched_op", "callback_op", "xenoprof_op", "event_channel_op", "physdev_op", "hvm_op", "sysctl",
    "domctl", "kexec_op", "tmem_op", "argo_op", "xenpmu_op", "dm_op", "hypfs_op", "", "", "", "", "", "mca",
    "paging_domctl_cont",
  };
  // spotless:on

  private HypercallNumber() {}

  /** The name as in Xen's headers, or {@code hypercall N} where there is none. */
  public static String name(int number) {
    return number >= 0 && number < NAMES.length && !NAMES[number].isEmpty()
        ? NAMES[number]
        : "hypercall " + number;
  }
}
