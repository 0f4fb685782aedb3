package io.ringside.oracle;

import io.ringside.asm.Assembler;
import java.util.ArrayList;
import java.util.List;

/** A program of nested pieces without pieces that can't be left out: what random tests run and make smaller. */
final class Sequence {
  /** A piece of the program. */
  sealed interface Node {}

  /**
   * Instructions as bytes.
   *
   * @param text for messages
   * @param ripAt where in the bytes a RIP-relative displacement is that leads to {@code target}, or -1
   * @param ripEnd where the instruction with it ends
   */
  record Leaf(String text, byte[] bytes, int ripAt, int ripEnd, long target) implements Node {}

  /**
   * A forward branch over the body: Jcc with a {@code condition} of 0 to 15, LOOPNE, LOOPE, LOOP or JRCXZ for 16 to 19,
   * and these with ECX for 20 to 23. Short where the body is.
   */
  record Skip(int condition, List<Node> body) implements Node {}

  /** The body several times: the count is in memory, at {@code counter}. */
  record Loop(long counter, int count, List<Node> body) implements Node {}

  /** How a {@link Call} finds the body. */
  enum Target {
    DIRECT,
    REGISTER,
    /** Through eight bytes of memory, which the register's value is stored to before. */
    MEMORY
  }

  /**
   * A call of the body.
   *
   * @param register is clobbered where the call is not direct
   * @param memory where the address is stored
   * @param drop bytes of the stack that RET drops, and that are taken before; not 0 also makes the jump over the body
   *     indirect
   */
  record Call(Target target, int register, long memory, int drop, List<Node> body)
      implements Node {}

  /** PUSH, the body, POP to another register. */
  record PushPop(int push, int pop, List<Node> body) implements Node {}

  /** PUSHF, the body, POPF. */
  record SavedFlags(List<Node> body) implements Node {}

  /** An interrupt to a handler of {@link Oracle} that changes nothing that counts; natively a NOP of the same length. */
  record Disturb(int vector) implements Node {}

  /** LEA of an address in the data to {@code register}, then the body, which does not write it. */
  record Pointer(int register, long target, List<Node> body) implements Node {}

  final List<Node> nodes = new ArrayList<>();

  private boolean forHost;

  /** The code for an address, as the guest or the host's processor runs it. */
  byte[] assemble(Assembler a, long address, boolean host) {
    forHost = host;
    a.start(address);
    emit(a, nodes);
    return a.toByteArray();
  }

  private void emit(Assembler a, List<Node> list) {
    for (Node node : list) {
      switch (node) {
        case Leaf leaf -> emit(a, leaf);
        case Skip(int condition, List<Node> body) -> emitSkip(a, condition, body);
        case Loop(long counter, int count, List<Node> body) -> {
          a.byte1(0xc6); // MOV byte [counter], count
          a.byte1(0x05);
          a.byte4((int) (counter - (a.address() + 5)));
          a.byte1(count);
          long top = a.address();
          emit(a, body);
          a.byte1(0x80); // SUB byte [counter], 1
          a.byte1(0x2d);
          a.byte4((int) (counter - (a.address() + 5)));
          a.byte1(1);
          a.jccTo(Assembler.NOT_EQUAL, top);
        }
        case Disturb(int vector) -> {
          // INT, or a NOP of two bytes.
          a.byte1(forHost ? 0x66 : 0xcd);
          a.byte1(forHost ? 0x90 : vector);
        }
        case Call call -> emitCall(a, call);
        case PushPop(int push, int pop, List<Node> body) -> {
          a.push(push);
          emit(a, body);
          a.pop(pop);
        }
        case Pointer(int register, long target, List<Node> body) -> {
          a.byte1(0x48 | (register & 8) >> 1);
          a.byte1(0x8d);
          a.byte1((register & 7) << 3 | 5);
          a.byte4((int) (target - (a.address() + 4)));
          emit(a, body);
        }
        case SavedFlags(List<Node> body) -> {
          a.pushf();
          emit(a, body);
          a.popf();
        }
      }
    }
  }

  private static void emit(Assembler a, Leaf leaf) {
    int at = a.position();
    a.bytes(leaf.bytes);
    if (leaf.ripAt >= 0) {
      long next = a.address() - leaf.bytes.length + leaf.ripEnd;
      a.patch4(at + leaf.ripAt, (int) (leaf.target - next));
    }
  }

  private void emitSkip(Assembler a, int condition, List<Node> body) {
    Assembler trial = new Assembler();
    trial.start(a.address() + 3);
    emit(trial, body);
    boolean near = trial.position() < 120;
    if (condition >= 16 && near) {
      if (condition >= 20) {
        a.byte1(0x67);
      }
      a.byte1(0xe0 + (condition & 3));
      a.byte1(0);
      int branch = a.position() - 1;
      emit(a, body);
      a.bindRel8(branch);
    } else if (near) {
      int branch = a.jccShort(condition & 15);
      emit(a, body);
      a.bindRel8(branch);
    } else {
      int branch = a.jcc(condition & 15);
      emit(a, body);
      a.bindRel32(branch);
    }
  }

  private void emitCall(Assembler a, Call call) {
    if (call.drop != 0) {
      a.lea(Assembler.RSP, Assembler.RSP, -call.drop);
    }
    int callee;
    if (call.target == Target.DIRECT) {
      a.byte1(0xe8);
      a.byte4(0);
      callee = a.position() - 4;
    } else {
      callee = leaUnknown(a, call.register);
      if (call.target == Target.REGISTER) {
        a.opRegister(false, 0xff, 2, call.register);
      } else {
        a.byte1(0x48 | (call.register & 8) >> 1); // MOV [memory], register
        ripOperand(a, 0x89, call.register & 7, call.memory);
        ripOperand(a, 0xff, 2, call.memory);
      }
    }
    int over = call.drop != 0 && call.target != Target.DIRECT ? -1 : a.jmp();
    int indirect = -1;
    if (over < 0) {
      indirect = leaUnknown(a, call.register);
      a.opRegister(false, 0xff, 4, call.register);
    }
    a.bindRel32(callee);
    emit(a, call.body);
    if (call.drop != 0) {
      a.byte1(0xc2);
      a.byte2(call.drop);
    } else {
      a.ret();
    }
    a.bindRel32(over < 0 ? indirect : over);
  }

  /** LEA of an address that is not known yet: where its displacement is. */
  private static int leaUnknown(Assembler a, int register) {
    a.byte1(0x48 | (register & 8) >> 1);
    a.byte1(0x8d);
    a.byte1((register & 7) << 3 | 5);
    a.byte4(0);
    return a.position() - 4;
  }

  private static void ripOperand(Assembler a, int opcode, int reg, long address) {
    a.byte1(opcode);
    a.byte1(reg << 3 | 5);
    a.byte4((int) (address - (a.address() + 4)));
  }

  /** How many pieces there are, bodies included. */
  static int count(List<Node> list) {
    int n = 0;
    for (Node node : list) {
      n += 1 + count(body(node));
    }
    return n;
  }

  private static List<Node> body(Node node) {
    return switch (node) {
      case Leaf leaf -> List.of();
      case Disturb d -> List.of();
      case Skip s -> s.body;
      case Loop l -> l.body;
      case Call c -> c.body;
      case PushPop p -> p.body;
      case SavedFlags f -> f.body;
      case Pointer p -> p.body;
    };
  }

  /** All pieces, each with the list that it is in, so that it can be left out. */
  record Place(List<Node> list, Node node) {}

  List<Place> places() {
    List<Place> result = new ArrayList<>();
    collect(nodes, result);
    return result;
  }

  private static void collect(List<Node> list, List<Place> into) {
    for (Node node : list) {
      into.add(new Place(list, node));
      collect(body(node), into);
    }
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    print(nodes, "  ", text);
    return text.toString();
  }

  private static void print(List<Node> list, String indent, StringBuilder text) {
    for (Node node : list) {
      text.append(indent);
      switch (node) {
        case Leaf leaf -> {
          text.append(leaf.text).append("  ");
          for (byte b : leaf.bytes) {
            text.append(' ')
                .append(Character.forDigit(b >> 4 & 15, 16))
                .append(Character.forDigit(b & 15, 16));
          }
          text.append('\n');
        }
        case Skip s -> text.append("skip on condition ").append(s.condition).append('\n');
        case Loop l -> text.append("loop ").append(l.count).append(" times\n");
        case Call c ->
            text.append(c.target).append(" call, RET drops ").append(c.drop).append('\n');
        case Disturb d -> text.append("int ").append(d.vector).append('\n');
        case PushPop p ->
            text.append("push ")
                .append(Oracle.name(p.push))
                .append(" ... pop ")
                .append(Oracle.name(p.pop))
                .append('\n');
        case Pointer p -> text.append("pointer in ").append(Oracle.name(p.register)).append('\n');
        case SavedFlags f -> text.append("pushf ... popf\n");
      }
      print(body(node), indent + "  ", text);
    }
  }
}
