package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.host.NativeMemory;
import io.ringside.x86.Decoder;
import io.ringside.x86.Instruction;
import io.ringside.x86.UndefinedInstructionException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class HypercallPageTest {
  private static final int START = 4096;

  @Test
  void eachEntryIsASystemCallWithItsNumber() throws UndefinedInstructionException {
    NativeMemory raw = new NativeMemory(MemorySegment.ofArray(new long[3 * 512]));
    HypercallPage.write(raw, START);
    byte[] page = new byte[4096];
    raw.read(START, page, 0, page.length);
    for (int number = 0; number < 128; number++) {
      String expected =
          number == HypercallNumber.IRET
              ? "push rcx, push r11, push rax, mov eax 23, syscall"
              : "push rcx, push r11, mov eax " + number + ", syscall, pop r11, pop rcx, ret";
      assertThat(decode(page, number * 32)).isEqualTo(expected);
    }
    assertThat(raw.getLong(START - 8)).isZero();
    assertThat(raw.getLong(START + 4096)).isZero();
  }

  /** The instructions of an entry up to the breakpoints that fill it. */
  private static String decode(byte[] page, int start) throws UndefinedInstructionException {
    Decoder decoder = new Decoder();
    Instruction instruction = new Instruction();
    StringBuilder text = new StringBuilder();
    int at = start;
    while ((page[at] & 0xff) != 0xcc) {
      assertThat(decoder.decode(page, at, page.length - at, at, instruction)).isTrue();
      text.append(text.isEmpty() ? "" : ", ").append(instruction.opcode.mnemonic());
      if (instruction.opcode.registerInOpcode()) {
        text.append(' ').append(register(instruction));
      }
      if (instruction.immediateSize > 0) {
        text.append(' ').append(instruction.immediate);
      }
      at += instruction.length;
    }
    for (; at < start + 32; at++) {
      assertThat(page[at] & 0xff).isEqualTo(0xcc);
    }
    return text.toString();
  }

  private static String register(Instruction instruction) {
    return switch (instruction.rm) {
      case 0 -> instruction.operandSize == 4 ? "eax" : "rax";
      case 1 -> "rcx";
      case 11 -> "r11";
      default -> "another";
    };
  }
}
