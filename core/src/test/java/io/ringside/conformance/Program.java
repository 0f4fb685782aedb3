package io.ringside.conformance;

import io.ringside.asm.Assembler;
import io.ringside.cpu.CpuState;

/** Code of a tiny guest at a fixed address, with the instructions that tests use often. Jumps are by label positions. */
public final class Program {
  /** What the rest is assembled with. */
  final Assembler a = new Assembler();

  final long address;

  Program(long address) {
    this.address = address;
    a.start(address);
  }

  /** The address of the next instruction. */
  long here() {
    return a.address();
  }

  /** Bytes as they are. */
  Program bytes(int... values) {
    for (int value : values) {
      a.byte1(value);
    }
    return this;
  }

  /** A value of eight bytes, such as an address in an instruction. */
  Program quad(long value) {
    a.byte8(value);
    return this;
  }

  /** MOV register, constant. */
  Program mov(int register, long value) {
    a.movImmediate(register, value);
    return this;
  }

  /** MOV r64, [address] by R15. */
  Program load(int register, long from) {
    a.movImmediate(15, from);
    a.load(register, 15, 0);
    return this;
  }

  /** MOV [address], r64 by R15. */
  Program store(long to, int register) {
    a.movImmediate(15, to);
    a.store(15, 0, register);
    return this;
  }

  /** PUSH of a constant, by R15. */
  Program push(long value) {
    a.movImmediate(15, value);
    a.push(15);
    return this;
  }

  Program nop() {
    return bytes(0x90);
  }

  Program hlt() {
    return bytes(0xf4);
  }

  Program cli() {
    return bytes(0xfa);
  }

  Program sti() {
    return bytes(0xfb);
  }

  Program pushf() {
    return bytes(0x9c);
  }

  Program popf() {
    return bytes(0x9d);
  }

  Program iretq() {
    return bytes(0x48, 0xcf);
  }

  Program syscall() {
    return bytes(0x0f, 0x05);
  }

  /** JMP to an address. */
  Program jmp(long target) {
    a.jmpTo(target);
    return this;
  }

  /** CALL of an address. */
  Program call(long target) {
    a.callTo(target);
    return this;
  }

  Program ret() {
    return bytes(0xc3);
  }

  /** WRMSR with a constant; clobbers RAX, RCX and RDX. */
  Program wrmsr(int msr, long value) {
    mov(CpuState.RCX, msr & 0xffff_ffffL);
    mov(CpuState.RAX, value & 0xffff_ffffL);
    mov(CpuState.RDX, value >>> 32);
    return bytes(0x0f, 0x30);
  }

  /** RDMSR to RAX, upper half shifted in; clobbers RCX and RDX. */
  Program rdmsr(int msr) {
    mov(CpuState.RCX, msr & 0xffff_ffffL);
    bytes(0x0f, 0x32, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0);
    return this;
  }

  /** MOV CRn, constant by RAX. */
  Program control(int number, long value) {
    mov(CpuState.RAX, value);
    return bytes(0x0f, 0x22, 0xc0 | number << 3);
  }

  /** IRETQ to ring 3 at an address with {@link Guest#USER_STACK} and given flags; clobbers R15. */
  Program enterUser(long target, long flags) {
    push(GuestTables.USER_DATA);
    push(Guest.USER_STACK);
    push(flags);
    push(GuestTables.USER_CODE);
    push(target);
    return iretq();
  }
}
