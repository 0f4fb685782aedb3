package io.ringside.hvm;

import io.ringside.cpu.CpuState;
import io.ringside.host.NativeMemory;
import io.ringside.hvm.KvmApi.Run;
import io.ringside.machine.GuestMemory;
import io.ringside.x86.Decoder;
import io.ringside.x86.Disassembler;
import io.ringside.x86.Instruction;
import io.ringside.x86.UndefinedInstructionException;

/** Says in one line for the user why a vCPU can't go on. */
final class Diagnosis {
  private static final int SUBERROR_EMULATION = 1;
  private static final int SUBERROR_SIMULTANEOUS_EXCEPTION = 2;
  private static final int SUBERROR_DELIVERY = 3;
  private static final int SUBERROR_UNEXPECTED_EXIT = 4;
  private static final long HAS_INSTRUCTION_BYTES = 1;
  private static final int EFAULT = 14;
  private static final long RESET_RIP = 0xfff0;
  private static final int EFER_LMA = 1 << 10;
  private static final int CS_LONG = 1 << 13;

  private final NativeMemory run;
  private final VcpuRegisters registers;
  private final CpuState state;
  private final GuestMemory ram;

  /** Makes one that reads the vCPU's registers into {@code state} whenever it is asked. */
  Diagnosis(NativeMemory run, VcpuRegisters registers, CpuState state, GuestMemory ram) {
    this.run = run;
    this.registers = registers;
    this.state = state;
    this.ram = ram;
  }

  /** KVM_RUN itself failed. */
  String refused(int errno) {
    return switch (errno) {
      case EFAULT ->
          "KVM can't get at guest RAM (EFAULT) at "
              + instruction()
              + "; the host may be out of memory: give the guest less --memory";
      default -> "KVM_RUN failed with errno " + errno + " at " + instruction();
    };
  }

  /** A triple fault. */
  String shutdown() {
    String what = "the guest's processor shut down after a triple fault";
    registers.load(state);
    // With AMD-V nothing is left of the registers, and KVM resets them (shutdown_interception in
    // svm.c).
    boolean known = isLong() || state.rip() != RESET_RIP;
    return known ? what + " at " + instruction() : what;
  }

  /** Any other reason that the VMM has no answer to. */
  String failure(int reason) {
    return switch (reason) {
      case KvmApi.EXIT_UNKNOWN ->
          "the processor left the guest for a reason that KVM doesn't know, 0x"
              + Long.toHexString(run.getLong(Run.HARDWARE_REASON))
              + ", at "
              + instruction();
      case KvmApi.EXIT_FAIL_ENTRY ->
          "the processor refused to enter the guest, hardware reason 0x"
              + Long.toHexString(run.getLong(Run.HARDWARE_REASON))
              + ", at "
              + instruction();
      case KvmApi.EXIT_INTERNAL_ERROR -> internalError();
      case KvmApi.EXIT_SYSTEM_EVENT ->
          "the guest asked KVM for system event " + run.getInt(Run.SUBERROR);
      default ->
          "KVM left the guest for a reason that Ringside doesn't handle, "
              + reason
              + ", at "
              + instruction();
    };
  }

  private String internalError() {
    int suberror = run.getInt(Run.SUBERROR);
    String what =
        switch (suberror) {
          case SUBERROR_EMULATION -> "KVM can't emulate an instruction of the guest";
          case SUBERROR_SIMULTANEOUS_EXCEPTION -> "KVM met two exceptions of the guest at once";
          case SUBERROR_DELIVERY -> "KVM met an exit while it delivered an event to the guest";
          case SUBERROR_UNEXPECTED_EXIT -> "KVM met an exit that it didn't expect";
          default -> "KVM had internal error " + suberror;
        };
    StringBuilder text = new StringBuilder(what).append(": ");
    int words = Math.clamp(run.getInt(Run.NDATA), 0, 16);
    if (suberror == SUBERROR_EMULATION
        && words > 0
        && (run.getLong(Run.ERROR_FLAGS) & HAS_INSTRUCTION_BYTES) != 0) {
      byte[] bytes = new byte[Decoder.MAX_LENGTH];
      int size = Math.min(run.getByte(Run.INSTRUCTION_SIZE), bytes.length);
      run.read(Run.INSTRUCTION_BYTES, bytes, 0, size);
      return text.append(instruction(bytes, size)).toString();
    }
    text.append(instruction());
    for (int i = 0; i < words && suberror != SUBERROR_EMULATION; i++) {
      text.append(i == 0 ? "; data" : "").append(" 0x");
      text.append(Long.toHexString(run.getLong(Run.ERROR_FLAGS + 8L * i)));
    }
    return text.toString();
  }

  /** Address, bytes and text of the instruction at RIP, as far as they can be had. */
  private String instruction() {
    byte[] bytes = new byte[Decoder.MAX_LENGTH];
    int size = 0;
    registers.load(state);
    long linear = isLong() ? state.rip() : state.base(CpuState.CS) + state.rip() & 0xffff_ffffL;
    while (size < bytes.length) {
      long gpa = registers.translate(linear + size);
      if (gpa < 0 || !ram.isRam(gpa, 1)) {
        break;
      }
      bytes[size++] = (byte) ram.raw().getByte(gpa);
    }
    return instruction(bytes, size);
  }

  private String instruction(byte[] bytes, int size) {
    registers.load(state);
    if (isLong() && size > 0) {
      Instruction i = new Instruction();
      try {
        if (new Decoder().decode(bytes, 0, size, state.rip(), i)) {
          return Disassembler.format(i, bytes, 0);
        }
      } catch (UndefinedInstructionException undefined) {
        // Its bytes are said below.
      }
    }
    StringBuilder text = new StringBuilder("0x").append(Long.toHexString(state.rip()));
    for (int i = 0; i < size; i++) {
      text.append(i == 0 ? ": " : " ");
      text.append(Character.forDigit(bytes[i] >> 4 & 15, 16));
      text.append(Character.forDigit(bytes[i] & 15, 16));
    }
    return text.toString();
  }

  private boolean isLong() {
    return (state.get(CpuState.EFER) & EFER_LMA) != 0
        && (state.accessRights(CpuState.CS) & CS_LONG) != 0;
  }
}
