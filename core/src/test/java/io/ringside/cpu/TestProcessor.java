package io.ringside.cpu;

import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptController;
import io.ringside.x86.Decoder;
import io.ringside.x86.Instruction;
import io.ringside.x86.UndefinedInstructionException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * A processor on 4 MiB of RAM with hand-made tables. It starts at CPL 0 in 64-bit mode; the kernel half of the address
 * space maps RAM one to one from {@link #KERNEL} on, user pages are mapped by the tests.
 */
final class TestProcessor implements CpuHooks, InterruptController {
  static final long RAM = 4 << 20;
  static final long KERNEL = 0xffff_8000_0000_0000L;
  static final long PML4 = 0x1000;
  static final long GDT = KERNEL + 0x8000;
  static final long IDT = KERNEL + 0x9000;
  static final long TSS = KERNEL + 0xa000;
  static final long STACK = KERNEL + 0x10_0000;
  static final long RSP0 = KERNEL + 0x11_0000;
  static final long IST1 = KERNEL + 0x12_0000;
  static final long CODE = KERNEL + 0x20_0000;

  static final int KERNEL_CS = 0x10;
  static final int KERNEL_DS = 0x18;
  static final int USER_DS = 0x2b;
  static final int USER_CS = 0x33;
  static final int TSS_SELECTOR = 0x40;

  static final long PRESENT = 1;
  static final long WRITABLE = 2;
  static final long USER = 4;
  static final long ACCESSED = 0x20;
  static final long DIRTY = 0x40;
  static final long LARGE = 0x80;
  static final long GLOBAL = 0x100;
  static final long NX = 1L << 63;

  final NativeMemory ram = new NativeMemory(Arena.ofAuto().allocate(RAM, 4096));
  final CpuState state = new CpuState(new NativeMemory(Arena.ofAuto().allocate(CpuState.SIZE, 64)));
  final List<String> events = new ArrayList<>();
  final CpuidModel cpuid;
  final Processor processor;
  final Decoder decoder = new Decoder();
  final Instruction instruction = new Instruction();

  long codePage = -1;
  long hostTsc = 1000;
  int cr8;
  long apicBase = 0xfee0_0900L;
  long tscDeadline;
  long performanceInterrupt = Long.MAX_VALUE;
  private long nextTable = 0x2000;

  TestProcessor() {
    this(HostCpuidFake.amd());
  }

  TestProcessor(HostCpuid host) {
    cpuid = new CpuidModel(host, this, 40, 2_000_000_000L, 1_000_000_000L);
    processor = new Processor(state, new GuestMemory(ram, RAM), this, this, cpuid);
    processor.reset();
    state.set(CpuState.CR0, 0x8005_0033L);
    state.set(CpuState.CR3, PML4);
    state.set(CpuState.CR4, RegisterBits.CR4_PAE | RegisterBits.CR4_PGE | RegisterBits.CR4_OSFXSR);
    state.set(CpuState.EFER, 0xd01);
    for (long page = 0; page < RAM; page += 2 << 20) {
      mapLarge(KERNEL + page, page, PRESENT | WRITABLE);
    }
    descriptor(KERNEL_CS, 0x00af_9b00_0000_ffffL);
    descriptor(KERNEL_DS, 0x00cf_9300_0000_ffffL);
    descriptor(USER_DS, 0x00cf_f300_0000_ffffL);
    descriptor(USER_CS, 0x00af_fb00_0000_ffffL);
    state.set(CpuState.GDTR_BASE, GDT);
    state.set(CpuState.GDTR_LIMIT, 0x7f);
    state.set(CpuState.IDTR_BASE, IDT);
    state.set(CpuState.IDTR_LIMIT, 0xfff);
    state.segment(CpuState.TR, TSS_SELECTOR, 0x8b, 0x67, TSS);
    put(TSS + 4, RSP0);
    put(TSS + 0x24, IST1);
    state.segment(CpuState.CS, KERNEL_CS, 0xa09b, 0xffff_ffffL, 0);
    state.segment(CpuState.SS, KERNEL_DS, 0xc093, 0xffff_ffffL, 0);
    state.gpr(CpuState.RSP, STACK);
    state.rip(CODE);
    events.clear();
  }

  /** Puts the processor into user mode. */
  void enterUser() {
    state.segment(CpuState.CS, USER_CS, 0xa0fb, 0xffff_ffffL, 0);
    state.segment(CpuState.SS, USER_DS, 0xc0f3, 0xffff_ffffL, 0);
    state.memory().putInt(CpuState.CPL, 3);
  }

  void descriptor(int selector, long value) {
    put(GDT + (selector & 0xfff8), value);
  }

  /** A present gate to {@code handler} of type Eh (interrupt) or Fh (trap). */
  void gate(int vector, long handler, int type, int dpl, int ist) {
    long low =
        handler & 0xffff
            | (long) KERNEL_CS << 16
            | (long) ist << 32
            | (long) (0x80 | dpl << 5 | type) << 40
            | (handler >>> 16 & 0xffff) << 48;
    put(IDT + 16L * vector, low);
    put(IDT + 16L * vector + 8, handler >>> 32);
  }

  /** Writes RAM by its address in the kernel half. */
  void put(long gva, long value) {
    ram.putLong(gva - KERNEL, value);
  }

  long get(long gva) {
    return ram.getLong(gva - KERNEL);
  }

  /** Maps a 4 KiB page; upper levels get every right. Returns the gpa of the entry. */
  long map(long gva, long gpa, long flags) {
    long entry = table(table(table(PML4, gva, 39), gva, 30), gva, 21) + (gva >>> 12 & 511) * 8;
    ram.putLong(entry, gpa | flags);
    return entry;
  }

  /** Maps a 2 MiB page. */
  long mapLarge(long gva, long gpa, long flags) {
    long entry = table(table(PML4, gva, 39), gva, 30) + (gva >>> 21 & 511) * 8;
    ram.putLong(entry, gpa | flags | LARGE);
    return entry;
  }

  /** Maps a 1 GiB page. */
  long mapHuge(long gva, long gpa, long flags) {
    long entry = table(PML4, gva, 39) + (gva >>> 30 & 511) * 8;
    ram.putLong(entry, gpa | flags | LARGE);
    return entry;
  }

  /** The gpa of the entry of {@code table} for an address at the level that translates from bit {@code shift} on. */
  long entry(long table, long gva, int shift) {
    return table + (gva >>> shift & 511) * 8;
  }

  /** The table that the entry at that level points to; made if it is not there. */
  long table(long table, long gva, int shift) {
    long entry = entry(table, gva, shift);
    if ((ram.getLong(entry) & PRESENT) == 0) {
      ram.putLong(entry, nextTable | PRESENT | WRITABLE | USER);
      nextTable += 0x1000;
    }
    return ram.getLong(entry) & 0x000f_ffff_ffff_f000L;
  }

  /** Decodes hexadecimal code as if it were at RIP. */
  Instruction decode(String code) {
    byte[] bytes = new byte[16];
    byte[] given = HexFormat.of().parseHex(code.replace(" ", ""));
    System.arraycopy(given, 0, bytes, 0, given.length);
    try {
      if (!decoder.decode(bytes, 0, 16, state.rip(), instruction)
          || instruction.length != given.length) {
        throw new IllegalArgumentException(code + " has not the length that its bytes say");
      }
    } catch (UndefinedInstructionException e) {
      throw new IllegalArgumentException(code, e);
    }
    return instruction;
  }

  /** Executes code without delivering a fault. */
  Outcome execute(String code) {
    Instruction insn = decode(code);
    processor.memory().beginInstruction();
    Outcome outcome = processor.instructions().execute(insn);
    processor.memory().endInstruction();
    return outcome;
  }

  /** Executes code and delivers what comes of it. */
  Outcome emulate(String code) {
    return processor.emulate(decode(code));
  }

  long flags() {
    return state.rflags();
  }

  void setFlags(long flags) {
    state.rflags(state.rflags() | flags);
  }

  // ---- CpuHooks

  @Override
  public void flushAll() {
    events.add("flushAll");
  }

  @Override
  public void flushNonGlobal() {
    events.add("flushNonGlobal");
  }

  @Override
  public void flushPcid(int pcid) {
    events.add("flushPcid " + pcid);
  }

  @Override
  public void invalidatePage(long gva) {
    events.add("invalidatePage " + Long.toHexString(gva));
  }

  @Override
  public void addressSpaceChanged() {
    events.add("addressSpaceChanged");
  }

  @Override
  public void modeChanged() {
    events.add("modeChanged");
  }

  @Override
  public boolean isCodePage(long gpa) {
    return gpa >>> 12 == codePage;
  }

  @Override
  public void codeWritten(long gpa, int length) {
    events.add("codeWritten " + Long.toHexString(gpa) + " " + length);
  }

  @Override
  public long hostTsc() {
    return hostTsc;
  }

  // ---- InterruptController

  @Override
  public boolean hasPending() {
    return false;
  }

  @Override
  public int acknowledge() {
    return -1;
  }

  @Override
  public boolean hasNmi() {
    return false;
  }

  @Override
  public boolean takeNmi() {
    return false;
  }

  @Override
  public int readCr8() {
    return cr8;
  }

  @Override
  public void writeCr8(int value) {
    cr8 = value;
  }

  @Override
  public long readApicBase() {
    return apicBase;
  }

  @Override
  public boolean writeApicBase(long value) {
    if ((value & 0xff) != 0) {
      return false;
    }
    apicBase = value;
    return true;
  }

  @Override
  public long readX2apic(int msr) {
    if (msr != 0x802) {
      throw new IllegalArgumentException();
    }
    return 7;
  }

  @Override
  public boolean writeX2apic(int msr, long value) {
    events.add("x2apic " + Integer.toHexString(msr) + " " + value);
    return msr == 0x80b;
  }

  @Override
  public long readTscDeadline() {
    return tscDeadline;
  }

  @Override
  public void writeTscDeadline(long value) {
    tscDeadline = value;
  }

  @Override
  public void armPerformanceInterrupt(long ticks) {
    performanceInterrupt = ticks;
  }
}
