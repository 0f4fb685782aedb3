package io.ringside.bench.exits;

/** A kind of exit, and the guest that makes it again and again: one instruction and a jump back to it. */
enum ExitKind {
  OUT("OUT", 0xee), // OUT DX, AL
  IN("IN", 0xec), // IN AL, DX
  MMIO_WRITE("MMIO write", 0x89, 0x07), // MOV [RDI], EAX
  MMIO_READ("MMIO read", 0x8b, 0x07), // MOV EAX, [RDI]
  HLT("HLT", 0xf4);

  /** The port that is read and written: no chip of KVM's has it. */
  static final int PORT = 0x3f8;

  /** Where MMIO is, as gpa: no chip of KVM's has it. */
  static final long MMIO_GPA = 0xd000_0000L;

  /** What the guest writes; one byte of it to the port. */
  static final int WRITTEN = 0x5a;

  /** What reads are answered with. */
  static final int ANSWER = 0xa5;

  private static final int JMP_SHORT = 0xeb;

  private final String title;
  private final int[] instruction;

  ExitKind(String title, int... instruction) {
    this.title = title;
    this.instruction = instruction;
  }

  /** As the tables have it. */
  String title() {
    return title;
  }

  /** The guest's code, which runs anywhere. */
  byte[] code() {
    byte[] code = new byte[instruction.length + 2];
    for (int i = 0; i < instruction.length; i++) {
      code[i] = (byte) instruction[i];
    }
    code[instruction.length] = (byte) JMP_SHORT;
    code[instruction.length + 1] = (byte) -code.length;
    return code;
  }

  /** What a loop has to add to its sum for each exit, so that it is known to have looked at all of them. */
  long mark() {
    return switch (this) {
      case OUT, MMIO_WRITE -> WRITTEN;
      case IN -> PORT;
      case MMIO_READ -> MMIO_GPA;
      case HLT -> 1;
    };
  }
}
