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

  /** A forward branch over the body if {@code condition} holds. */
  record Skip(int condition, List<Node> body) implements Node {}

  /** The body several times: the count is in memory, at {@code counter}. */
  record Loop(long counter, int count, List<Node> body) implements Node {}

  /** A call of the body, direct or through {@code register} (if not -1). */
  record Call(int register, List<Node> body) implements Node {}

  /** PUSH, the body, POP to another register. */
  record PushPop(int push, int pop, List<Node> body) implements Node {}

  /** PUSHF, the body, POPF. */
  record SavedFlags(List<Node> body) implements Node {}

  /** LEA of an address in the data to {@code register}, then the body, which does not write it. */
  record Pointer(int register, long target, List<Node> body) implements Node {}

  final List<Node> nodes = new ArrayList<>();

  /** The code for an address. */
  byte[] assemble(Assembler a, long address) {
    a.start(address);
    emit(a, nodes);
    return a.toByteArray();
  }

  private static void emit(Assembler a, List<Node> list) {
    for (Node node : list) {
      switch (node) {
        case Leaf leaf -> emit(a, leaf);
        case Skip(int condition, List<Node> body) -> {
          int branch = a.jcc(condition);
          emit(a, body);
          a.bindRel32(branch);
        }
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
        case Call(int register, List<Node> body) -> emitCall(a, register, body);
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

  private static void emitCall(Assembler a, int register, List<Node> body) {
    int callee;
    if (register >= 0) {
      a.byte1(0x48 | (register & 8) >> 1); // LEA register, [callee]
      a.byte1(0x8d);
      a.byte1((register & 7) << 3 | 5);
      a.byte4(0);
      callee = a.position() - 4;
      a.opRegister(false, 0xff, 2, register);
    } else {
      a.byte1(0xe8);
      a.byte4(0);
      callee = a.position() - 4;
    }
    int over = a.jmp();
    a.bindRel32(callee);
    emit(a, body);
    a.ret();
    a.bindRel32(over);
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
            text.append(
                c.register < 0 ? "call\n" : "call through " + Oracle.name(c.register) + "\n");
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
