package io.ringside.hvm;

import io.ringside.cpu.CpuState;
import io.ringside.host.HostException;
import io.ringside.host.HostMapping;
import io.ringside.host.KvmFile;
import io.ringside.host.NativeMemory;
import io.ringside.host.ThreadSignal;
import io.ringside.hvm.KvmApi.Run;
import io.ringside.machine.Exit;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptController;
import io.ringside.machine.Vcpu;
import java.util.Optional;

/**
 * A vCPU of KVM. {@link #run} enters non-root mode by KVM_RUN and turns the reason for which it came back into an {@link
 * Exit}. With the VM's interrupt chips in the host's kernel, interrupts and HLT never come here; else they are injected
 * from an {@link InterruptController}, when the guest's interrupt window is open.
 *
 * <p>Another thread gets it out by {@code immediate_exit} and a signal: the first for a vCPU that is about to enter, the
 * second for one that has.
 */
public final class HvmVcpu implements Vcpu {
  /** MTRRs as firmware leaves them: on, write-back; type in the low byte, enable bit 11 (SDM vol. 3, 11.11.2.1). */
  private static final int MTRR_DEF_TYPE = 0x2ff;

  private static final long MTRR_WRITE_BACK = 1 << 11 | 6;
  private static final int DEBUG_ENABLE_AND_SINGLE_STEP = 3;
  private static final Exit INTERRUPTED = new Exit.Interrupted();

  private final KvmFile vcpu;
  private final HostMapping runMapping;
  private final NativeMemory run;
  private final HostMapping stateMapping = HostMapping.anonymous(CpuState.SIZE, 0, 4096);
  private final CpuState state = new CpuState(stateMapping.memory());
  private final VcpuRegisters registers;
  private final Pieces pieces;
  private final Diagnosis diagnosis;
  private final Optional<InterruptController> interrupts;
  private final HostMapping argumentMapping = HostMapping.anonymous(4096, 0, 4096);
  private final NativeMemory argument = argumentMapping.memory();

  /** Each instruction is to end in an exit. */
  private boolean stepping;

  /** The state was changed from outside. */
  private boolean stateChanged;

  /** The guest took interrupts when it left non-root mode. */
  private boolean windowOpen;

  /** The thread is, or is about to be, in KVM_RUN. */
  private volatile boolean inGuest;

  /** Something has to be looked at before the guest goes on. */
  private volatile boolean attention;

  private volatile boolean kicked;
  private volatile ThreadSignal waker;

  private HvmVcpu(KvmVm vm, GuestMemory ram, Optional<InterruptController> interrupts) {
    this.interrupts = interrupts;
    KvmFile.prepareQuickCalls();
    vcpu = vm.createVcpu(0);
    runMapping = vcpu.map(vm.runSize());
    run = runMapping.memory();
    registers = new VcpuRegisters(vcpu);
    pieces = new Pieces(run);
    diagnosis = new Diagnosis(run, registers, state, ram);
    KvmCpuid.set(vm, vcpu);
    registers.write(MTRR_DEF_TYPE, MTRR_WRITE_BACK);
    registers.load(state);
  }

  /**
   * Makes the first vCPU of a VM with interrupt chips, in the state after a reset.
   *
   * @param ram the VM's RAM, for messages about the guest's code
   * @throws HostException if KVM refuses
   */
  public static HvmVcpu withChips(KvmVm vm, GuestMemory ram) {
    return new HvmVcpu(vm, ram, Optional.empty());
  }

  /**
   * Makes the first vCPU of a VM without interrupt chips, in the state after a reset.
   *
   * @param ram the VM's RAM, for messages about the guest's code
   * @param interrupts what interrupts the guest
   * @throws HostException if KVM refuses
   */
  public static HvmVcpu withController(KvmVm vm, GuestMemory ram, InterruptController interrupts) {
    return new HvmVcpu(vm, ram, Optional.of(interrupts));
  }

  /** The architectural state: to set up, followed by {@link #stateLoaded}; to look at, after {@link #readState}. */
  public CpuState state() {
    return state;
  }

  /** To be called when the state was changed from outside, by the thread that runs the vCPU. */
  public void stateLoaded() {
    stateChanged = true;
  }

  /** Brings {@link #state} up to date; by the thread that runs the vCPU, or when none does. */
  public void readState() {
    if (!stateChanged) {
      registers.load(state);
    }
  }

  /**
   * Whether each instruction of the guest ends in an {@link Exit.SingleStep}. By the thread that runs the vCPU.
   *
   * @throws HostException if KVM refuses
   */
  public void singleStep(boolean on) {
    stepping = on;
    setGuestDebug();
  }

  private void setGuestDebug() {
    argument.fill(0, 72, 0);
    argument.putInt(0, stepping ? DEBUG_ENABLE_AND_SINGLE_STEP : 0);
    vcpu.must("KVM_SET_GUEST_DEBUG", KvmApi.SET_GUEST_DEBUG, argument.address());
  }

  @Override
  public Exit run() {
    if (waker == null) {
      waker = ThreadSignal.toCurrentThread();
    }
    while (true) {
      if (pieces.any()) {
        return pieces.next();
      }
      if (kicked) {
        kicked = false;
        return INTERRUPTED;
      }
      if (stateChanged) {
        stateChanged = false;
        windowOpen = false;
        registers.store(state);
        if (stepping) {
          // KVM steps from the RIP that it saw here.
          setGuestDebug();
        }
        if (interrupts.isPresent() && interrupts.get().hasPending()) {
          lookAtWindow(interrupts.get());
        }
      }
      if (interrupts.isPresent()) {
        offerInterrupts(interrupts.get());
      }
      int result = enter();
      if (result == -KvmFile.EINTR || result == -KvmFile.EAGAIN) {
        continue;
      }
      if (result < 0) {
        return new Exit.Failure(diagnosis.refused(-result));
      }
      Exit exit = exit();
      if (!(exit instanceof Exit.Interrupted)) {
        return exit;
      }
    }
  }

  /** KVM_RUN, unless there is something to be looked at. */
  private int enter() {
    inGuest = true;
    boolean entered = !attention;
    int result = entered ? vcpu.ioctlQuickly(KvmApi.RUN, 0) : -KvmFile.EINTR;
    inGuest = false;
    if (attention || result == -KvmFile.EINTR) {
      attention = false;
      run.putByte(Run.IMMEDIATE_EXIT, 0);
    }
    if (entered && interrupts.isPresent()) {
      leftGuest(interrupts.get());
    }
    return result;
  }

  /** What the exit means to the VMM; {@link #INTERRUPTED} if nothing. */
  private Exit exit() {
    int reason = run.getInt(KvmApi.Run.EXIT_REASON);
    return switch (reason) {
      case KvmApi.EXIT_IO -> pieces.port();
      case KvmApi.EXIT_MMIO -> pieces.mmio();
      case KvmApi.EXIT_HLT -> new Exit.Halt(run.getByte(Run.IF_FLAG) != 0);
      case KvmApi.EXIT_INTR, KvmApi.EXIT_IRQ_WINDOW_OPEN, KvmApi.EXIT_SET_TPR -> INTERRUPTED;
      case KvmApi.EXIT_DEBUG -> new Exit.SingleStep();
      case KvmApi.EXIT_SHUTDOWN -> new Exit.Shutdown(diagnosis.shutdown());
      default -> new Exit.Failure(diagnosis.failure(reason));
    };
  }

  /** The descriptor of KVM's file of the vCPU, for whoever calls KVM_RUN in another way than {@link #run}. */
  public int descriptor() {
    return vcpu.descriptor();
  }

  /** The memory that the vCPU shares with KVM: struct kvm_run and what belongs to it. */
  public NativeMemory shared() {
    return run;
  }

  /** The registers as text; not while the vCPU runs. */
  public String dump() {
    readState();
    return state.describe();
  }

  // ---- Interrupts where the VM has no chips

  private void offerInterrupts(InterruptController controller) {
    if (controller.takeNmi()) {
      vcpu.must("KVM_NMI", KvmApi.NMI, 0);
      // KVM would inject an interrupt first; it waits until the NMI's handler lets it in.
      windowOpen = false;
    }
    boolean waits = controller.hasPending();
    if (waits && windowOpen) {
      int vector = controller.acknowledge();
      if (vector >= 0) {
        argument.putInt(0, vector);
        vcpu.must("KVM_INTERRUPT", KvmApi.INTERRUPT, argument.address());
        windowOpen = false;
      }
      waits = controller.hasPending();
    }
    run.putByte(Run.REQUEST_INTERRUPT_WINDOW, waits ? 1 : 0);
    run.putLong(Run.CR8, controller.readCr8());
  }

  /** After registers were set: KVM_RUN that does not enter tells whether the guest takes interrupts now. */
  private void lookAtWindow(InterruptController controller) {
    run.putByte(Run.IMMEDIATE_EXIT, 1);
    if (vcpu.ioctl(KvmApi.RUN, 0) == -KvmFile.EINTR) {
      leftGuest(controller);
    }
    run.putByte(Run.IMMEDIATE_EXIT, 0);
  }

  private void leftGuest(InterruptController controller) {
    windowOpen =
        run.getByte(Run.READY_FOR_INTERRUPT_INJECTION) != 0 && run.getByte(Run.IF_FLAG) != 0;
    int priority = (int) run.getLong(Run.CR8);
    if (priority != controller.readCr8()) {
      controller.writeCr8(priority);
    }
    long base = run.getLong(Run.APIC_BASE);
    if (base != controller.readApicBase()) {
      controller.writeApicBase(base);
    }
  }

  // ---- What the VMM calls

  @Override
  public void completeRead(long value) {
    pieces.complete(value);
  }

  @Override
  public boolean wakes(boolean interruptsEnabled) {
    return interrupts.isEmpty()
        || interruptsEnabled && interrupts.get().hasPending()
        || interrupts.get().hasNmi();
  }

  @Override
  public void interruptChanged() {
    attention = true;
    ThreadSignal wake = waker;
    if (inGuest && wake != null) {
      run.putByte(Run.IMMEDIATE_EXIT, 1);
      wake.send();
    }
  }

  @Override
  public void kick() {
    kicked = true;
    interruptChanged();
  }

  @Override
  public void close() {
    registers.close();
    stateMapping.close();
    argumentMapping.close();
    runMapping.close();
    vcpu.close();
  }
}
