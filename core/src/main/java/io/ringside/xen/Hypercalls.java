package io.ringside.xen;

/** The hypercall table: what Xen 4.17 has for a 64-bit PV guest. */
public final class Hypercalls {
  private final Domain domain;
  private final MmuUpdate mmuUpdate;
  private final MmuExtended mmuExtended;
  private final MemoryOp memoryOp;
  private final CpuHypercalls cpu;
  private final CallbackOp callbackOp;
  private final SchedOp schedOp;
  private final VcpuOp vcpuOp;
  private final VmAssist vmAssist;
  private final Multicall multicall;
  private final ConsoleIo consoleIo;
  private final PhysdevOp physdevOp;
  private final XenVersion xenVersion;
  private final PrivilegedOps privileged;
  private final EventChannels eventChannels;
  private final GrantTable grantTable;

  Hypercalls(Domain domain) {
    this.domain = domain;
    this.mmuUpdate = new MmuUpdate(domain);
    this.mmuExtended = new MmuExtended(domain);
    this.memoryOp = new MemoryOp(domain);
    this.cpu = new CpuHypercalls(domain);
    this.callbackOp = new CallbackOp();
    this.schedOp = new SchedOp(domain);
    this.vcpuOp = new VcpuOp(domain);
    this.vmAssist = new VmAssist(domain);
    this.multicall = new Multicall();
    this.consoleIo = new ConsoleIo(domain);
    this.physdevOp = new PhysdevOp(domain);
    this.xenVersion = new XenVersion(domain);
    this.privileged = new PrivilegedOps(domain);
    this.eventChannels = domain.eventChannels();
    this.grantTable = domain.grantTable();
  }

  /** The group that has the roots of address spaces. */
  MmuExtended mmuExtended() {
    return mmuExtended;
  }

  /**
   * Executes a hypercall that the guest kernel made by SYSCALL.
   *
   * @param vcpu the caller
   * @param number RAX
   * @param a1 RDI
   * @param a2 RSI
   * @param a3 RDX
   * @param a4 R10
   * @param a5 R8
   * @return the new RAX: a result, or the negative of an {@link Errno}. After IRET it is the RAX that the frame says.
   */
  public long call(PvVcpu vcpu, long number, long a1, long a2, long a3, long a4, long a5) {
    domain.config().lock().lock();
    try {
      return dispatch(vcpu, number, a1, a2, a3, a4, a5);
    } finally {
      domain.config().lock().unlock();
    }
  }

  /** As {@link #call}, for a caller that holds the lock: a multicall. */
  long dispatch(PvVcpu vcpu, long number, long a1, long a2, long a3, long a4, long a5) {
    domain.statistics().hypercall(number);
    if (number < 0 || number >= HypercallNumber.COUNT) {
      return -Errno.ENOSYS;
    }
    try {
      return switch ((int) number) {
        case HypercallNumber.SET_TRAP_TABLE -> cpu.setTrapTable(vcpu, a1);
        case HypercallNumber.MMU_UPDATE -> mmuUpdate.mmuUpdate(vcpu, a1, (int) a2, a3, (int) a4);
        case HypercallNumber.SET_GDT -> cpu.setGdt(vcpu, a1, (int) a2);
        case HypercallNumber.STACK_SWITCH -> cpu.stackSwitch(vcpu, a2);
        case HypercallNumber.SET_CALLBACKS -> callbackOp.setCallbacks(vcpu, a1, a2, a3);
        case HypercallNumber.FPU_TASKSWITCH -> cpu.fpuTaskSwitch(vcpu, (int) a1);
        case HypercallNumber.SCHED_OP_COMPAT -> schedOp.compatOperation(vcpu, (int) a1, a2);
        case HypercallNumber.SET_DEBUGREG -> cpu.setDebugRegister(vcpu, (int) a1, a2);
        case HypercallNumber.GET_DEBUGREG -> cpu.getDebugRegister(vcpu, (int) a1);
        case HypercallNumber.UPDATE_DESCRIPTOR -> cpu.updateDescriptor(a1, a2);
        case HypercallNumber.MEMORY_OP -> memoryOp.operation(vcpu, a1, a2);
        case HypercallNumber.MULTICALL -> multicall.call(this, vcpu, a1, (int) a2);
        case HypercallNumber.UPDATE_VA_MAPPING -> mmuUpdate.updateVaMapping(vcpu, a1, a2, a3);
        case HypercallNumber.SET_TIMER_OP -> vcpuOp.setTimer(vcpu, a1);
        case HypercallNumber.EVENT_CHANNEL_OP_COMPAT -> eventChannels.compatOperation(vcpu, a1);
        case HypercallNumber.XEN_VERSION -> xenVersion.operation(vcpu, (int) a1, a2);
        case HypercallNumber.CONSOLE_IO -> consoleIo.operation(vcpu, (int) a1, (int) a2, a3);
        case HypercallNumber.PHYSDEV_OP_COMPAT -> physdevOp.compatOperation(vcpu, a1);
        case HypercallNumber.GRANT_TABLE_OP -> grantTable.operation(vcpu, (int) a1, a2, (int) a3);
        case HypercallNumber.VM_ASSIST -> vmAssist.operation((int) a1, (int) a2);
        case HypercallNumber.UPDATE_VA_MAPPING_OTHERDOMAIN ->
            mmuUpdate.updateVaMappingOther(vcpu, a1, a2, a3, (int) a4 & 0xffff);
        case HypercallNumber.IRET -> cpu.iret(vcpu);
        case HypercallNumber.VCPU_OP -> vcpuOp.operation(vcpu, (int) a1, (int) a2, a3);
        case HypercallNumber.SET_SEGMENT_BASE -> cpu.setSegmentBase(vcpu, (int) a1, a2);
        case HypercallNumber.MMUEXT_OP -> mmuExtended.operation(vcpu, a1, (int) a2, a3, (int) a4);
        case HypercallNumber.NMI_OP -> callbackOp.nmi(vcpu, (int) a1, a2);
        case HypercallNumber.SCHED_OP -> schedOp.operation(vcpu, (int) a1, a2);
        case HypercallNumber.CALLBACK_OP -> callbackOp.operation(vcpu, (int) a1, a2);
        case HypercallNumber.EVENT_CHANNEL_OP -> eventChannels.operation(vcpu, (int) a1, a2);
        case HypercallNumber.PHYSDEV_OP -> physdevOp.operation(vcpu, (int) a1, a2);
        default -> privileged.operation(vcpu, (int) number, a1, a2);
      };
    } catch (HypercallException e) {
      return -e.errno();
    }
  }
}
