package io.ringside.conformance;

import static io.ringside.cpu.CpuState.RAX;
import static io.ringside.cpu.CpuState.RBX;
import static io.ringside.cpu.CpuState.RCX;
import static io.ringside.cpu.CpuState.RDX;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.cpu.CpuState;

/** Code that changes under the processor: by its own stores, by those of other code, and by other mappings. */
class CodeChangeTest {
  /** Where the function is that is changed: MOV EAX, imm32; RET. */
  private static final long FUNCTION = Guest.KERNEL + 0x1000;

  private static Guest guest(Method method) {
    Guest g = new Guest(method);
    g.at(FUNCTION).bytes(0xb8, 1, 0, 0, 0).ret();
    return g;
  }

  @ForEachMethod
  void otherPage(Method method) {
    try (Guest g = guest(method)) {
      Program k = g.kernel().mov(RBX, FUNCTION + 1);
      k.call(FUNCTION).bytes(0x89, 0xc1).bytes(0xc6, 0x03, 2).call(FUNCTION).hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isOne();
      assertThat(g.gpr(RAX)).isEqualTo(2);
    }
  }

  @ForEachMethod
  void samePage(Method method) {
    try (Guest g = new Guest(method)) {
      long function = Guest.KERNEL + 0x80;
      g.at(function).bytes(0xb8, 1, 0, 0, 0).ret();
      g.kernel()
          .mov(RBX, function + 1)
          .call(function)
          .bytes(0x89, 0xc1)
          .bytes(0xc6, 0x03, 2)
          .call(function)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isOne();
      assertThat(g.gpr(RAX)).isEqualTo(2);
    }
  }

  /** The very next instruction, in what is one unit for a translator. */
  @ForEachMethod
  void nextInstruction(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().mov(RAX, 5);
      // MOV byte [RIP+1], 9 changes the immediate of MOV ECX, 1.
      k.bytes(0xc6, 0x05, 1, 0, 0, 0, 9).bytes(0xb9, 1, 0, 0, 0).hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isEqualTo(9);
      assertThat(g.gpr(RAX)).isEqualTo(5);
    }
  }

  /** A loop that changes its own body every time. */
  @ForEachMethod
  void loopThatChangesItself(Method method) {
    try (Guest g = new Guest(method)) {
      Program k = g.kernel().mov(RCX, 100).mov(RAX, 0);
      long top = k.here();
      // ADD EAX, imm32 (at first 1); INC dword [that immediate]; LOOP
      k.bytes(0x05, 1, 0, 0, 0);
      k.bytes(0xff, 0x05).a.byte4((int) (top + 1 - (k.here() + 4)));
      k.bytes(0xe2, (int) (top - (k.here() + 2))).hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(5050);
    }
  }

  @ForEachMethod
  void dataBesideCode(Method method) {
    try (Guest g = new Guest(method)) {
      // A counter in the page of the loop that counts.
      g.kernel().mov(RBX, Guest.KERNEL + 0x800).mov(RCX, 1000);
      Program k = g.at(Guest.KERNEL + 0x20);
      k.bytes(0xff, 0x03).bytes(0x83, 0x43, 0x3d, 1).bytes(0xe2, 0xf8).hlt();
      g.state.rip(Guest.KERNEL);
      g.at(Guest.KERNEL + 10).jmp(Guest.KERNEL + 0x20);
      g.runToHalt();
      assertThat(g.ram.getInt(Guest.KERNEL + 0x800)).isEqualTo(1000);
      assertThat(g.ram.getInt(Guest.KERNEL + 0x83d)).isEqualTo(1000);
    }
  }

  @ForEachMethod
  void byAnotherMapping(Method method) {
    try (Guest g = guest(method)) {
      g.kernel()
          .mov(RBX, GuestTables.UPPER_HALF + FUNCTION + 1)
          .call(FUNCTION)
          .bytes(0x89, 0xc1)
          .bytes(0xc6, 0x03, 2)
          .call(FUNCTION)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isOne();
      assertThat(g.gpr(RAX)).isEqualTo(2);
    }
  }

  /** The store's TLB entry was there before the page became code. */
  @ForEachMethod
  void dataThatBecomesCode(Method method) {
    try (Guest g = new Guest(method)) {
      g.kernel()
          .mov(RBX, FUNCTION)
          .mov(RCX, 3)
          .mov(RDX, 0)
          .bytes(0xc7, 0x03, 0xb8, 7, 0, 0)
          .bytes(0x66, 0xc7, 0x43, 4, 0, 0xc3)
          .call(FUNCTION)
          .bytes(0x01, 0xc2)
          .bytes(0xc6, 0x43, 1, 20)
          .call(FUNCTION)
          .bytes(0x01, 0xc2)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RDX)).isEqualTo(27);
    }
  }

  /** MOV EAX, imm32 with its opcode in one page and its immediate in the next, which is changed. */
  @ForEachMethod
  void instructionAcrossPages(Method method) {
    try (Guest g = new Guest(method)) {
      long function = FUNCTION + 0xffe;
      g.at(function).bytes(0xb8, 1, 0, 0, 0).ret();
      g.kernel()
          .mov(RBX, FUNCTION + 0x1000)
          .call(function)
          .bytes(0x89, 0xc1)
          .bytes(0xc6, 0x03, 0x12)
          .call(function)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isOne();
      assertThat(g.gpr(RAX)).isEqualTo(0x1201);
    }
  }

  /** The same, with the second page mapped elsewhere and INVLPG of that page only. */
  @ForEachMethod
  void secondPageIsMappedElsewhere(Method method) {
    try (Guest g = new Guest(method)) {
      for (int n = 0; n < 2; n++) {
        g.pages.map(Guest.FREE + 4096L * n, Guest.KERNEL_DATA + 4096L * n, GuestPages.ALL);
      }
      g.ram.putShort(Guest.KERNEL_DATA + 0xffe, 0x01b8);
      g.ram.putInt(Guest.KERNEL_DATA + 0x1000, 0xc300_0000);
      g.ram.putInt(Guest.KERNEL_DATA + 0x2000, 0xc300_0007);
      Program k = g.kernel();
      k.mov(RBX, Guest.FREE + 0xffe).bytes(0xff, 0xd3).bytes(0x89, 0xc1);
      k.mov(RAX, Guest.KERNEL_DATA + 0x2000 | GuestPages.ALL)
          .store(g.pages.entry(Guest.FREE + 0x1000), RAX);
      k.mov(RDX, Guest.FREE + 0x1000).bytes(0x0f, 0x01, 0x3a).bytes(0xff, 0xd3).hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isOne();
      assertThat(g.gpr(RAX)).isEqualTo(0x701);
    }
  }

  /** A jump within the first page to code that reaches into the second one, which changed meanwhile. */
  @ForEachMethod
  void secondPageBehindADirectJump(Method method) {
    try (Guest g = new Guest(method)) {
      for (int n = 0; n < 2; n++) {
        g.pages.map(Guest.FREE + 4096L * n, Guest.KERNEL_DATA + 4096L * n, GuestPages.ALL);
      }
      Program f = g.at(Guest.KERNEL_DATA + 0xf00);
      f.bytes(0xe9, 0xf9, 0, 0, 0);
      g.ram.putShort(Guest.KERNEL_DATA + 0xffe, 0x01b8);
      g.ram.putInt(Guest.KERNEL_DATA + 0x1000, 0xc300_0000);
      g.ram.putInt(Guest.KERNEL_DATA + 0x2000, 0xc300_0007);
      Program k = g.kernel();
      k.mov(RBX, Guest.FREE + 0xf00).bytes(0xff, 0xd3).bytes(0xff, 0xd3).bytes(0x89, 0xc1);
      k.mov(RAX, Guest.KERNEL_DATA + 0x2000 | GuestPages.ALL)
          .store(g.pages.entry(Guest.FREE + 0x1000), RAX);
      k.mov(RDX, Guest.FREE + 0x1000).bytes(0x0f, 0x01, 0x3a).bytes(0xff, 0xd3).hlt();
      g.runToHalt();
      assertThat(g.gpr(RCX)).isOne();
      assertThat(g.gpr(RAX)).isEqualTo(0x701);
    }
  }

  @ForEachMethod
  void pageOfCodeIsMappedElsewhere(Method method) {
    try (Guest g = new Guest(method)) {
      g.pages.map(Guest.FREE, Guest.KERNEL_DATA, GuestPages.ALL);
      g.at(Guest.KERNEL_DATA).bytes(0xb8, 1, 0, 0, 0).ret();
      g.at(Guest.KERNEL_DATA + 0x1000).bytes(0xb8, 2, 0, 0, 0).ret();
      Program k = g.kernel().mov(RBX, Guest.FREE).bytes(0xff, 0xd3).bytes(0x89, 0xc6);
      k.mov(RAX, Guest.KERNEL_DATA + 0x1000 | GuestPages.ALL)
          .store(g.pages.entry(Guest.FREE), RAX)
          .control(3, GuestTables.PML4)
          .bytes(0xff, 0xd3)
          .hlt();
      g.runToHalt();
      assertThat(g.gpr(CpuState.RSI)).isOne();
      assertThat(g.gpr(RAX)).isEqualTo(2);
    }
  }

  /** Removing the right to execute and INVLPG: the call faults though the code was run before. */
  @ForEachMethod
  void noLongerExecutable(Method method) {
    try (Guest g = new Guest(method)) {
      g.pages.map(Guest.FREE, Guest.KERNEL_DATA, GuestPages.ALL);
      g.at(Guest.KERNEL_DATA).bytes(0xb8, 1, 0, 0, 0).ret();
      g.kernel()
          .mov(RBX, Guest.FREE)
          .bytes(0xff, 0xd3)
          .mov(RAX, Guest.KERNEL_DATA | GuestPages.ALL | GuestPages.NO_EXECUTE)
          .store(g.pages.entry(Guest.FREE), RAX)
          .bytes(0x0f, 0x01, 0x3b)
          .bytes(0xff, 0xd3)
          .hlt();
      g.expectPageFault(0x11, Guest.FREE, Guest.FREE);
    }
  }

  /** The outside changes code, as another processor or a device would: seen after the page is told. */
  @ForEachMethod
  void fromOutside(Method method) {
    try (Guest g = guest(method)) {
      g.kernel().call(FUNCTION).hlt().call(FUNCTION).hlt();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isOne();
      g.ram.putByte(FUNCTION + 1, 3);
      g.machine.codeChanged(FUNCTION, 8);
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(3);
    }
  }

  /** Stack and code in one page: calls and pushes beside code that runs. */
  @ForEachMethod
  void stackBesideCode(Method method) {
    try (Guest g = new Guest(method)) {
      g.gpr(CpuState.RSP, Guest.KERNEL + 0xf00);
      Program k = g.kernel().mov(RCX, 50).mov(RAX, 0);
      long top = k.here();
      k.call(Guest.KERNEL + 0x200)
          .bytes(0x53, 0x51, 0x59, 0x5b)
          .bytes(0xe2, (int) (top - (k.here() + 6)))
          .hlt();
      g.at(Guest.KERNEL + 0x200).bytes(0xff, 0xc0).ret();
      g.runToHalt();
      assertThat(g.gpr(RAX)).isEqualTo(50);
      assertThat(g.gpr(CpuState.RSP)).isEqualTo(Guest.KERNEL + 0xf00);
    }
  }
}
