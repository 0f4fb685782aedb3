package io.ringside.machine;

/** Why {@link Vcpu#run} came back: one record for each reason, in the shape of KVM_RUN's exit reasons. */
public sealed interface Exit {
  /** IN, or one element of INS: the VMM answers with {@link Vcpu#completeRead}. Size is 1, 2 or 4 bytes. */
  record PortRead(int port, int size) implements Exit {}

  /** OUT, or one element of OUTS. */
  record PortWrite(int port, int size, int value) implements Exit {}

  /** A load from guest-physical memory that is not RAM: the VMM answers with {@link Vcpu#completeRead}. */
  record MmioRead(long gpa, int size) implements Exit {}

  /** A store to guest-physical memory that is not RAM. */
  record MmioWrite(long gpa, int size, long value) implements Exit {}

  /** HLT with interrupts as RFLAGS.IF says: the vCPU sleeps until an interrupt is deliverable. */
  record Halt(boolean interruptsEnabled) implements Exit {}

  /** {@link Vcpu#kick} was called. */
  record Interrupted() implements Exit {}

  /** The guest executed one instruction, as the method was asked to have it do. */
  record SingleStep() implements Exit {}

  /** A triple fault: the processor shut down. {@code detail} is one line for the user. */
  record Shutdown(String detail) implements Exit {}

  /** The VMM can't go on, for instance at an instruction that it does not implement: one line for the user. */
  record Failure(String detail) implements Exit {}
}
