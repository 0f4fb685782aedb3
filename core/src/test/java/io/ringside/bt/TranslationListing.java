package io.ringside.bt;

import io.ringside.conformance.FakeInterrupts;
import io.ringside.conformance.GuestTables;
import io.ringside.conformance.TestMachine;
import io.ringside.cpu.CpuHooks;
import io.ringside.cpu.CpuState;
import io.ringside.cpu.CpuidModel;
import io.ringside.cpu.Processor;
import io.ringside.host.HostCpu;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.x86.Decoder;
import io.ringside.x86.Disassembler;
import io.ringside.x86.Instruction;
import io.ringside.x86.UndefinedInstructionException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.TreeMap;

/**
 * Translates a piece of guest code and prints both sides, one below the other: the examples of {@code
 * docs/binary-translation.md} are made with it. Nothing of the guest is executed.
 *
 * <p>Arguments: {@code kernel} or {@code user}, and the bytes of the code in hexadecimal, in one or more arguments; a
 * further {@code full} shows the unit's entries and cold code too.
 */
public final class TranslationListing {
  private static final long RIP = GuestTables.USER_START;
  private static final int CACHE_SIZE = 1 << 20;

  private final Decoder decoder = new Decoder();
  private final TreeMap<Long, String> stubNames = new TreeMap<>();
  private final PrintStream out;

  private TranslationListing(PrintStream out) {
    this.out = out;
  }

  /** See the class comment. */
  public static void main(String[] arguments) {
    StringBuilder hex = new StringBuilder();
    boolean user = false;
    boolean full = false;
    for (String argument : arguments) {
      switch (argument) {
        case "kernel" -> user = false;
        case "user" -> user = true;
        case "full" -> full = true;
        default -> hex.append(argument);
      }
    }
    byte[] code = HexFormat.of().parseHex(hex.toString().replace(" ", ""));
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    new TranslationListing(out).list(code, user, full);
  }

  private void list(byte[] code, boolean user, boolean full) {
    try (HostMapping mapping = HostMapping.guestRam(TestMachine.RAM_SIZE, 1L << 32, 0);
        HostMapping contextMapping = Context.allocate();
        HostCpu host = new HostCpu();
        TranslationCache cache = new TranslationCache(CACHE_SIZE)) {
      GuestMemory ram = new GuestMemory(mapping.memory(), TestMachine.RAM_SIZE);
      NativeMemory context = contextMapping.memory();
      CpuState state = new CpuState(context);
      FakeInterrupts interrupts = new FakeInterrupts();
      CpuidModel cpuid = new CpuidModel(host::cpuid, interrupts, 40, 0, 0);
      Processor processor = new Processor(state, ram, interrupts, new NoHooks(), cpuid);
      GuestTables.install(mapping.memory());
      GuestTables.start(state);
      // With SMAP, as Linux has it on a processor that shows it.
      state.set(CpuState.CR4, state.get(CpuState.CR4) | 1 << 21);
      GuestTables.ring(state, user ? 3 : 0);
      mapping.memory().write(RIP, code, 0, code.length);
      // UD2 ends the unit, if the code does not.
      mapping.memory().putShort(RIP + code.length, 0x0b0f);

      Stubs stubs = new Stubs(cache);
      name(stubs);
      CodePages pages = new CodePages(processor.mmu(), ram, context);
      Translator translator =
          new Translator(
              ram, cache, new LinkSlots(), stubs, pages, new Decoder(), cpuid.features());
      translator.configure(state);
      pages.select(RIP, user);
      Unit unit = translator.translate(RIP, Mode.of(state));
      print(unit, cache, translator, code, full);
    }
  }

  private void name(Stubs stubs) {
    stubNames.put(stubs.exit, "exit");
    stubNames.put(stubs.exitWithRip, "exitWithRip");
    stubNames.put(stubs.exitIndirect, "exitIndirect");
    stubNames.put(stubs.loadFpu, "loadFpu");
    stubNames.put(stubs.exitMiss, "exitMiss");
    stubNames.put(stubs.crossPageDone, "crossPageDone");
    for (int tlb = 0; tlb < 3; tlb++) {
      stubNames.put(stubs.crossPage(tlb, false), "crossPageRead");
      stubNames.put(stubs.crossPage(tlb, true), "crossPageWrite");
      for (int size = 1; size <= 8; size *= 2) {
        stubNames.put(stubs.repMovs(tlb, size), "repMovs" + size);
        stubNames.put(stubs.repStos(tlb, size), "repStos" + size);
      }
    }
  }

  private void print(
      Unit unit, TranslationCache cache, Translator translator, byte[] code, boolean full) {
    byte[] host = new byte[unit.end - unit.start + 48];
    cache.read(unit.start, host, unit.end - unit.start);
    int bodyEnd = full ? unit.end : bodyEnd(unit, cache, host);
    long guest = -1;
    int at = (full ? unit.indirectEntry : unit.bodyEntry) - unit.start;
    int dataAt = -1;
    boolean afterMissCall = false;
    while (at < bodyEnd - unit.start) {
      int offset = unit.start + at;
      entry(unit, offset, full);
      if (at == dataAt) {
        out.printf("        .byte %d%n", host[at]);
        at++;
        continue;
      }
      if (offset >= unit.bodyEntry) {
        long rip = translator.instructionAt(unit, at);
        if (!full && rip == RIP + code.length) {
          return;
        }
        if (rip != guest) {
          guest = rip;
          out.println(guestText(code, rip));
        }
      }
      Instruction i = decode(host, at, cache.address(offset));
      String stub =
          i.opcode.kind().name().endsWith("_RELATIVE") ? stubNames.get(i.immediate) : null;
      out.println(line(stub, i, unit, cache));
      if (afterMissCall) {
        dataAt = at + i.length;
        afterMissCall = false;
      }
      afterMissCall |=
          stub != null
              && (stub.equals("exitMiss")
                  || stub.equals("crossPageRead")
                  || stub.equals("crossPageWrite"));
      at += i.length;
    }
  }

  /** The offset of the first cold code: the lowest target of a long branch that stays in the unit. */
  private int bodyEnd(Unit unit, TranslationCache cache, byte[] host) {
    int end = unit.end;
    int at = 0;
    while (unit.start + at < end) {
      Instruction i = decode(host, at, cache.address(unit.start + at));
      switch (i.opcode.kind()) {
        case JCC, JMP_RELATIVE -> {
          int target = cache.offset(i.immediate);
          // Short branches skip something within the body.
          if (i.immediateSize == 4 && target > unit.start + at && target < end) {
            end = target;
          }
        }
        default -> {}
      }
      at += i.length;
    }
    return end;
  }

  private void entry(Unit unit, int offset, boolean full) {
    if (!full) {
      return;
    }
    if (offset == unit.indirectEntry) {
      out.println("indirect entry:");
    }
    if (offset == unit.crossPageEntry) {
      out.println("cross-page entry:");
    }
    if (offset == unit.checkedEntry) {
      out.println("checked entry:");
    }
    if (offset == unit.bodyEntry) {
      out.println("body entry:");
    }
  }

  private static String line(String stub, Instruction i, Unit unit, TranslationCache cache) {
    StringBuilder line = new StringBuilder("    ");
    String shown = tidy(i);
    boolean branch =
        switch (i.opcode.kind()) {
          case JCC, JMP_RELATIVE, CALL_RELATIVE, JRCXZ -> true;
          default -> false;
        };
    if (branch) {
      int space = shown.indexOf(' ');
      String target =
          stub != null ? stub : "+0x" + Integer.toHexString(cache.offset(i.immediate) - unit.start);
      shown = shown.substring(0, space + 1) + target;
    }
    line.append("+").append(Integer.toHexString(cache.offset(i.rip) - unit.start));
    while (line.length() < 10) {
      line.append(' ');
    }
    line.append(shown);
    String comment = field(i);
    if (!comment.isEmpty()) {
      while (line.length() < 60) {
        line.append(' ');
      }
      line.append("; ").append(comment);
    }
    return line.toString();
  }

  /** What an operand in the context block is. */
  private static String field(Instruction i) {
    if (!i.memory || i.base != CpuState.RSP) {
      return "";
    }
    int at = (int) i.displacement;
    for (int tlb = 0; tlb < 3; tlb++) {
      if (at == Context.tlbRead(tlb)) {
        return "tag for reads, TLB " + tlb;
      }
      if (at == Context.tlbWrite(tlb)) {
        return "tag for writes, TLB " + tlb;
      }
      if (at == Context.tlbHost(tlb, false)) {
        return "host page for reads, TLB " + tlb;
      }
      if (at == Context.tlbHost(tlb, true)) {
        return "host page for writes, TLB " + tlb;
      }
      if (at == Context.jumpCache(tlb)) {
        return "jump cache " + tlb;
      }
    }
    for (int r = 0; r < 16; r++) {
      if (at == CpuState.gprOffset(r)) {
        return "guest register " + r;
      }
    }
    if (at >= Context.GROUPS && at < Context.GROUPS + 8 * AccessGroups.MAX_GROUPS) {
      return "group " + (at - Context.GROUPS) / 8;
    }
    if (at >= Context.EXEC_TLB && at < Context.EXEC_TLB + 4 * Context.EXEC_TLB_ENTRIES) {
      return "identity of the page in slot " + (at - Context.EXEC_TLB) / 4;
    }
    return switch (at) {
      case CpuState.PENDING -> "PENDING";
      case CpuState.DEFERRED -> "DEFERRED";
      case CpuState.TLB_INDEX_MASK -> "TLB_INDEX_MASK";
      case CpuState.PAGE_MASK -> "PAGE_MASK";
      case CpuState.JUMP_INDEX_MASK -> "JUMP_INDEX_MASK";
      case CpuState.FS_BASE -> "FS_BASE";
      case CpuState.GS_BASE -> "GS_BASE";
      case CpuState.KERNEL_GS_BASE -> "KERNEL_GS_BASE";
      case CpuState.SYSTEM_FLAGS -> "SYSTEM_FLAGS";
      case CpuState.FPU_IN_MEMORY -> "FPU_IN_MEMORY";
      case CpuState.TSC_OFFSET -> "TSC_OFFSET";
      case CpuState.CPL -> "CPL";
      case CpuState.MODE -> "MODE";
      case CpuState.SFMASK -> "SFMASK";
      case CpuState.LSTAR -> "LSTAR";
      case CpuState.STAR + 4 -> "STAR bits 32 to 47";
      case CpuState.SEGMENTS + 32 * CpuState.CS -> "CS selector, rights";
      case CpuState.SEGMENTS + 32 * CpuState.SS -> "SS selector, rights";
      case CpuState.SEGMENTS + 32 * CpuState.CS + 4 -> "CS limit";
      case CpuState.SEGMENTS + 32 * CpuState.SS + 4 -> "SS limit";
      case CpuState.SEGMENTS + 32 * CpuState.CS + 8 -> "CS base";
      case CpuState.SEGMENTS + 32 * CpuState.SS + 8 -> "SS base";
      case Context.NOT_IF_MASK -> "NOT_IF_MASK";
      case Context.STATUS_FLAGS_MASK -> "STATUS_FLAGS_MASK";
      case Context.NOT_AC_MASK -> "NOT_AC_MASK";
      case Context.NOT_DF_MASK -> "NOT_DF_MASK";
      case Context.OFFSET_MASK -> "OFFSET_MASK";
      default -> "";
    };
  }

  private String guestText(byte[] code, long rip) {
    int at = (int) (rip - RIP);
    if (at == code.length) {
      return "(end)";
    }
    Instruction i = decode(Arrays.copyOf(code, code.length + 48), at, rip);
    return tidy(i);
  }

  /** The text without what says nothing. */
  private static String tidy(Instruction i) {
    return Disassembler.format(i).replace(" PTR", "").replace("*1]", "]").replace(",", ", ");
  }

  private Instruction decode(byte[] bytes, int at, long rip) {
    Instruction i = new Instruction();
    try {
      decoder.decode(bytes, at, Math.min(48, bytes.length - at), rip, i);
    } catch (UndefinedInstructionException undefined) {
      throw new IllegalStateException("can't decode at " + at, undefined);
    }
    return i;
  }

  /** Nothing runs, so nothing has to be told. */
  private static final class NoHooks implements CpuHooks {
    @Override
    public void flushAll() {}

    @Override
    public void flushNonGlobal() {}

    @Override
    public void flushPcid(int pcid) {}

    @Override
    public void invalidatePage(long gva) {}

    @Override
    public void addressSpaceChanged() {}

    @Override
    public void modeChanged() {}

    @Override
    public boolean isCodePage(long gpa) {
      return false;
    }

    @Override
    public void codeWritten(long gpa, int length) {}

    @Override
    public long hostTsc() {
      return 0;
    }
  }
}
