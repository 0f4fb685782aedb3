package io.ringside.bench.exits;

import static io.ringside.asm.Assembler.ADD;
import static io.ringside.asm.Assembler.CMP;
import static io.ringside.asm.Assembler.EQUAL;
import static io.ringside.asm.Assembler.NONE;
import static io.ringside.asm.Assembler.NOT_EQUAL;
import static io.ringside.asm.Assembler.R12;
import static io.ringside.asm.Assembler.R13;
import static io.ringside.asm.Assembler.R14;
import static io.ringside.asm.Assembler.RAX;
import static io.ringside.asm.Assembler.RBP;
import static io.ringside.asm.Assembler.RBX;
import static io.ringside.asm.Assembler.RCX;
import static io.ringside.asm.Assembler.RDI;
import static io.ringside.asm.Assembler.RDX;
import static io.ringside.asm.Assembler.RSI;
import static io.ringside.asm.Assembler.SIGN;
import static io.ringside.asm.Assembler.SUB;
import static io.ringside.asm.Assembler.XOR;

import io.ringside.asm.Assembler;
import io.ringside.host.HostMapping;
import io.ringside.host.KvmFile;
import io.ringside.host.NativeCode;
import io.ringside.host.NativeMemory;
import io.ringside.hvm.HvmVcpu;

/**
 * The loop of a VMM in C, in the machine code that a compiler makes of it:
 *
 * {@snippet lang="c" :
 * long loop(struct block *b, long exits) {
 *   struct kvm_run *run = b->run;
 *   unsigned long sum = 0;
 *   while (exits > 0) {
 *     if (ioctl(b->fd, KVM_RUN, 0) < 0) {
 *       if (errno == EINTR || errno == EAGAIN) continue;
 *       return -1;
 *     }
 *     switch (run->exit_reason) {
 *     case KVM_EXIT_IO: {
 *       char *data = (char *)run + run->io.data_offset;
 *       for (unsigned n = run->io.count; n; n--, data += run->io.size)
 *         if (run->io.direction == KVM_EXIT_IO_OUT) sum += element(data, run->io.size);
 *         else { sum += run->io.port; set(data, run->io.size, b->answer); }
 *       break;
 *     }
 *     case KVM_EXIT_MMIO:
 *       if (run->mmio.is_write) sum += element(run->mmio.data, run->mmio.len);
 *       else { sum += run->mmio.phys_addr; set(run->mmio.data, run->mmio.len, b->answer); }
 *       break;
 *     case KVM_EXIT_HLT: sum++; break;
 *     default: return -1;
 *     }
 *     exits--;
 *   }
 *   return sum;
 * }
 * }
 *
 * <p>{@code ioctl} is the C library's, called by its address as with {@code -fno-plt}. {@code element} and {@code set}
 * are inline switches over 1, 2, 4 and 8 bytes.
 */
final class CLoop implements AutoCloseable {
  // Offsets in the block.
  private static final int RUN = 0;
  private static final int IOCTL = 8;
  private static final int ERRNO_LOCATION = 16;
  private static final int FD = 24;
  private static final int ANSWER = 28;

  // The KVM API: include/uapi/linux/kvm.h.
  private static final int KVM_RUN = 0xae80;
  private static final int EXIT_REASON = 8;
  private static final int EXIT_IO = 2;
  private static final int EXIT_HLT = 5;
  private static final int EXIT_MMIO = 6;
  private static final int IO_DIRECTION = 32;
  private static final int IO_SIZE = 33;
  private static final int IO_PORT = 34;
  private static final int IO_COUNT = 36;
  private static final int IO_DATA_OFFSET = 40;
  private static final int MMIO_ADDRESS = 32;
  private static final int MMIO_DATA = 40;
  private static final int MMIO_LENGTH = 48;
  private static final int MMIO_IS_WRITE = 52;

  private static final int[] SAVED = {RBX, RBP, R12, R13, R14};

  private final HostMapping mapping = HostMapping.code(8192);
  private final HostMapping blockMapping = HostMapping.anonymous(4096, 0, 4096);
  private final Assembler a = new Assembler();
  private final NativeCode code;

  /** Makes the loop for one vCPU. */
  CLoop(HvmVcpu vcpu) {
    NativeMemory block = blockMapping.memory();
    block.putLong(RUN, vcpu.shared().address());
    block.putLong(IOCTL, NativeCode.libraryFunction("ioctl"));
    block.putLong(ERRNO_LOCATION, NativeCode.libraryFunction("__errno_location"));
    block.putInt(FD, vcpu.descriptor());
    block.putInt(ANSWER, ExitKind.ANSWER);
    a.start(mapping.executableAddress());
    emit();
    mapping.memory().write(0, a.buffer(), 0, a.position());
    code = new NativeCode(mapping.executableAddress());
  }

  /** Takes that many exits; the sum of their marks, or -1 if KVM_RUN failed or came back for another reason. */
  long run(long exits) {
    return code.call(blockMapping.memory().address(), exits);
  }

  // RBX the block, RBP struct kvm_run, R12 fd, R13 exits to go, R14 the sum.
  private void emit() {
    for (int register : SAVED) {
      a.push(register);
    }
    a.mov(RBX, RDI);
    a.load(RBP, RBX, RUN);
    a.load32(R12, RBX, FD);
    a.mov(R13, RSI);
    a.alu32(XOR, R14, R14);

    long top = a.address();
    a.alu32(XOR, RDX, RDX);
    a.movImmediate(RSI, KVM_RUN);
    a.mov32(RDI, R12);
    a.alu32(XOR, RAX, RAX);
    callBlock(IOCTL);
    a.opRegister(false, 0x85, RAX, RAX);
    final int failed = a.jcc(SIGN);
    a.load32(RAX, RBP, EXIT_REASON);
    a.aluImmediate32(CMP, RAX, EXIT_MMIO);
    final int toMmio = a.jcc(EQUAL);
    a.aluImmediate32(CMP, RAX, EXIT_IO);
    final int toIo = a.jcc(EQUAL);
    a.aluImmediate32(CMP, RAX, EXIT_HLT);
    final int toOther = a.jcc(NOT_EQUAL);
    a.aluImmediate(ADD, R14, 1);

    long next = a.address();
    a.aluImmediate(SUB, R13, 1);
    a.jccTo(NOT_EQUAL, top);
    a.mov(RAX, R14);
    long leave = a.address();
    for (int i = SAVED.length - 1; i >= 0; i--) {
      a.pop(SAVED[i]);
    }
    a.ret();

    a.bindRel32(toMmio);
    emitMmio(next);
    a.bindRel32(toIo);
    emitIo(next);

    a.bindRel32(failed);
    callBlock(ERRNO_LOCATION);
    a.load32(RAX, RAX, 0);
    a.aluImmediate32(CMP, RAX, KvmFile.EINTR);
    a.jccTo(EQUAL, top);
    a.aluImmediate32(CMP, RAX, KvmFile.EAGAIN);
    a.jccTo(EQUAL, top);
    a.bindRel32(toOther);
    a.movImmediate(RAX, -1);
    a.jmpTo(leave);
  }

  private void emitMmio(long next) {
    a.load32(RCX, RBP, MMIO_LENGTH);
    a.lea(RDX, RBP, MMIO_DATA);
    a.opMemory(false, 0x80, CMP, RBP, NONE, 1, MMIO_IS_WRITE);
    a.byte1(0);
    final int read = a.jcc(EQUAL);
    emitAddElement();
    a.jmpTo(next);
    a.bindRel32(read);
    a.aluLoad(ADD, R14, RBP, NONE, 1, MMIO_ADDRESS);
    emitSetElement();
    a.jmpTo(next);
  }

  // RCX the size of an element, RDX where it is, RSI how many are left.
  private void emitIo(long next) {
    a.load(RDX, RBP, IO_DATA_OFFSET);
    a.alu(ADD, RDX, RBP);
    a.load32(RSI, RBP, IO_COUNT);
    long element = a.address();
    a.opRegister(false, 0x85, RSI, RSI);
    a.jccTo(EQUAL, next);
    a.op0fMemory(false, 0xb6, RCX, RBP, NONE, 1, IO_SIZE);
    a.opMemory(false, 0x80, CMP, RBP, NONE, 1, IO_DIRECTION);
    a.byte1(1);
    final int read = a.jcc(NOT_EQUAL);
    emitAddElement();
    final int added = a.jmp();
    a.bindRel32(read);
    a.load16(RAX, RBP, IO_PORT);
    a.alu(ADD, R14, RAX);
    emitSetElement();
    a.bindRel32(added);
    a.alu(ADD, RDX, RCX);
    a.aluImmediate32(SUB, RSI, 1);
    a.jmpTo(element);
  }

  /** Adds the element of RCX bytes at RDX to the sum. */
  private void emitAddElement() {
    int[] ends = new int[3];
    for (int i = 0; i < 3; i++) {
      a.aluImmediate32(CMP, RCX, 1 << i);
      int other = a.jccShort(NOT_EQUAL);
      switch (i) {
        case 0 -> a.op0fMemory(false, 0xb6, RAX, RDX, NONE, 1, 0);
        case 1 -> a.load16(RAX, RDX, 0);
        default -> a.load32(RAX, RDX, 0);
      }
      ends[i] = a.jmpShort();
      a.bindRel8(other);
    }
    a.load(RAX, RDX, 0);
    for (int end : ends) {
      a.bindRel8(end);
    }
    a.alu(ADD, R14, RAX);
  }

  /** Sets the element of RCX bytes at RDX to the answer. */
  private void emitSetElement() {
    a.load32(RAX, RBX, ANSWER);
    int[] ends = new int[3];
    for (int i = 0; i < 3; i++) {
      a.aluImmediate32(CMP, RCX, 1 << i);
      int other = a.jccShort(NOT_EQUAL);
      switch (i) {
        case 0 -> a.opMemory(false, 0x88, RAX, RDX, NONE, 1, 0);
        case 1 -> {
          a.byte1(0x66);
          a.store32(RDX, 0, RAX);
        }
        default -> a.store32(RDX, 0, RAX);
      }
      ends[i] = a.jmpShort();
      a.bindRel8(other);
    }
    a.store(RDX, 0, RAX);
    for (int end : ends) {
      a.bindRel8(end);
    }
  }

  private void callBlock(int offset) {
    a.opMemory(false, 0xff, 2, RBX, NONE, 1, offset);
  }

  @Override
  public void close() {
    blockMapping.close();
    mapping.close();
  }
}
