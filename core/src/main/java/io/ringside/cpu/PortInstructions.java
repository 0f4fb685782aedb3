package io.ringside.cpu;

import io.ringside.machine.Exit;
import io.ringside.x86.Instruction;
import io.ringside.x86.Kind;

/**
 * IN, OUT, INS and OUTS (SDM vol. 1, 19; vol. 2 under their names). Repeated forms go element by element: RIP stays at
 * the instruction until the count is 0.
 */
public final class PortInstructions {
  private static final int TSS_IO_MAP_BASE = 0x66;

  private final CpuState state;
  private final VirtualMemory memory;
  private final Operands operands;

  private Exit exit = new Exit.Interrupted();
  private boolean readPending;
  private boolean string;
  private int size;
  private long nextRip;
  private boolean repeated;
  private boolean shortAddress;

  PortInstructions(CpuState state, VirtualMemory memory, Operands operands) {
    this.state = state;
    this.memory = memory;
    this.operands = operands;
  }

  /** The exit of the last {@link #begin} that returned {@link Outcome#EXIT}. */
  public Exit exit() {
    return exit;
  }

  /** Whether {@link #completeRead} is due. */
  public boolean readPending() {
    return readPending;
  }

  /**
   * Executes an instruction up to its access. After a write the registers are final already; a read waits for {@link
   * #completeRead}.
   */
  public Outcome begin(Instruction insn) {
    Kind kind = insn.opcode.kind();
    string = kind == Kind.INS || kind == Kind.OUTS;
    size = (insn.code & 1) == 0 ? 1 : insn.operandSizePrefix && !insn.w ? 2 : 4;
    nextRip = insn.nextRip();
    boolean immediatePort = !string && (insn.code & 8) == 0;
    int port = (int) (immediatePort ? insn.immediate & 0xff : state.gpr(CpuState.RDX) & 0xffff);
    checkPermission(port);
    repeated = string && insn.rep != 0;
    shortAddress = insn.addressSizePrefix;
    if (repeated && count() == 0) {
      state.rip(nextRip);
      return Outcome.NEXT;
    }
    switch (kind) {
      case IN -> {
        readPending = true;
        exit = new Exit.PortRead(port, size);
      }
      case OUT -> {
        exit = new Exit.PortWrite(port, size, (int) operands.register(CpuState.RAX, size));
        state.rip(nextRip);
      }
      case INS -> {
        // A fault must come before the device loses the value.
        memory.probeWrite(pointer(CpuState.RDI), size, memory.mode());
        readPending = true;
        exit = new Exit.PortRead(port, size);
      }
      default -> {
        int value = (int) memory.read(pointer(CpuState.RSI) + operands.segmentBase(insn), size);
        exit = new Exit.PortWrite(port, size, value);
        advance(CpuState.RSI);
      }
    }
    return Outcome.EXIT;
  }

  /**
   * Ends the read that {@link #exit()} asked for.
   *
   * @return {@link Outcome#REPEAT} if a repeated INS has more elements
   */
  public Outcome completeRead(long value) {
    readPending = false;
    if (!string) {
      operands.register(CpuState.RAX, size, value);
      state.rip(nextRip);
      return Outcome.NEXT;
    }
    memory.write(pointer(CpuState.RDI), size, value);
    return advance(CpuState.RDI);
  }

  private Outcome advance(int register) {
    long step = (state.get(CpuState.SYSTEM_FLAGS) & RegisterBits.FLAG_DF) != 0 ? -size : size;
    int addressSize = shortAddress ? 4 : 8;
    operands.register(register, addressSize, state.gpr(register) + step);
    if (repeated) {
      operands.register(CpuState.RCX, addressSize, state.gpr(CpuState.RCX) - 1);
      if (count() != 0) {
        return Outcome.REPEAT;
      }
    }
    state.rip(nextRip);
    return Outcome.NEXT;
  }

  private long count() {
    return operands.register(CpuState.RCX, shortAddress ? 4 : 8);
  }

  private long pointer(int register) {
    return operands.register(register, shortAddress ? 4 : 8);
  }

  /** Above IOPL every port needs its bit clear in the TSS's I/O map: SDM vol. 1, 19.5.2. */
  private void checkPermission(int port) {
    if (Privilege.hasIoPrivilege(state)) {
      return;
    }
    long limit = state.limit(CpuState.TR);
    if (limit < TSS_IO_MAP_BASE + 1) {
      throw GuestFault.GP0;
    }
    long tss = state.base(CpuState.TR);
    long offset = memory.readSystem(tss + TSS_IO_MAP_BASE, 2) + (port >>> 3);
    if (offset + 1 > limit) {
      throw GuestFault.GP0;
    }
    long bits = memory.readSystem(tss + offset, 2) >>> (port & 7);
    if ((bits & (1L << size) - 1) != 0) {
      throw GuestFault.GP0;
    }
  }
}
