package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.boot.BootException;
import io.ringside.boot.CacheDirectory;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.MachineLock;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DomainBuilderTest {
  private static final long BASE = PvElf.LINUX_BASE;
  private static final long MIB = 1 << 20;
  private static final long XEN_BITS = Pte.PRESENT | Pte.USER | Pte.ACCESSED;

  /** Set by Xen in entries of pages that are the kernel's. */
  private static final long KERNEL_PAGE = 1L << 52;

  @TempDir private Path directory;

  private NativeMemory raw;
  private Domain domain;
  private StartOfDay start;
  private long base;
  private long mapped;

  private void domain(long pages) {
    domain(pages, 0);
  }

  private void domain(long pages, long spare) {
    long size = Domain.machineBytes((pages + spare) * 4096);
    raw = new NativeMemory(Arena.ofAuto().allocate(size));
    FakeTimers timers = new FakeTimers();
    domain =
        new Domain(
            new DomainConfig(
                new GuestMemory(raw, size),
                pages,
                TestGuest.DOMID,
                1,
                new MachineLock(),
                timers,
                timers,
                new FakeHost()));
  }

  private PvKernel kernel(PvElf elf) {
    PvKernel kernel =
        PvKernel.open(
            PvElf.write(directory, "kernel", elf.build()),
            new CacheDirectory(directory.resolve("cache")));
    base = kernel.virtualBase();
    return kernel;
  }

  /** Builds a domain, and checks what holds for all. */
  private void build(PvElf elf, long pages, Optional<Path> ramdisk, String commandLine) {
    domain(pages);
    buildInto(elf, ramdisk, commandLine);
  }

  private void buildInto(PvElf elf, Optional<Path> ramdisk, String commandLine) {
    try (PvKernel kernel = kernel(elf)) {
      start = DomainBuilder.build(domain, kernel, ramdisk, commandLine);
      assertThat(start.rip()).isEqualTo(kernel.entry());
    }
    checkMapping();
    checkP2m();
    checkStartOfDay();
  }

  private void assertRefused(PvElf elf, long pages, String commandLine, String... parts) {
    domain(pages);
    try (PvKernel kernel = kernel(elf)) {
      assertThatThrownBy(() -> DomainBuilder.build(domain, kernel, Optional.empty(), commandLine))
          .isInstanceOf(BootException.class)
          .hasMessageContainingAll(parts)
          .hasMessageContaining("; ")
          .hasMessageNotContaining("\n");
    }
  }

  // What the guest sees.

  /** The level-1 entry for an address, 0 where there is none. */
  private long walk(long gva) {
    long table = start.root();
    for (int level = 4; level > 1; level--) {
      long entry = raw.getLong((table << 12) + 8L * Pte.index(level, gva));
      if (!Pte.isPresent(entry)) {
        return 0;
      }
      assertThat(entry & ~Pte.ADDRESS & ~Pte.DIRTY)
          .as("level %d of %x", level, gva)
          .isEqualTo(XEN_BITS | Pte.WRITABLE);
      assertThat(domain.types().isUsedAs(table, level)).isTrue();
      table = Pte.mfn(entry);
    }
    assertThat(domain.types().isUsedAs(table, PageTypes.L1)).isTrue();
    return raw.getLong((table << 12) + 8L * Pte.index(1, gva));
  }

  private long maddr(long gva) {
    long entry = walk(gva);
    assertThat(Pte.isPresent(entry)).as("%x is mapped", gva).isTrue();
    return Pte.mfn(entry) << 12 | gva & 4095;
  }

  private long info(int offset) {
    return raw.getLong(maddr(start.rsi() + offset));
  }

  private int info32(int offset) {
    return raw.getInt(maddr(start.rsi() + offset));
  }

  private byte[] read(long gva, int length) {
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      int part = Math.min(length - done, 4096 - (int) (gva + done & 4095));
      raw.read(maddr(gva + done), bytes, done, part);
      done += part;
    }
    return bytes;
  }

  private long p2m(long pfn) {
    return raw.getLong(maddr(info(StartInfo.MFN_LIST) + 8 * pfn));
  }

  /** Each page of the range is the next pfn; only the page tables are read-only. */
  private void checkMapping() {
    long tables = info(StartInfo.PT_BASE);
    long tablesEnd = tables + info(StartInfo.NR_PT_FRAMES) * 4096;
    long end = base;
    for (long entry = walk(end); Pte.isPresent(entry); entry = walk(end)) {
      boolean writable = end < tables || end >= tablesEnd;
      assertThat(entry & ~Pte.ADDRESS)
          .as("%x", end)
          .isEqualTo(XEN_BITS | KERNEL_PAGE | (writable ? Pte.WRITABLE : 0));
      assertThat(domain.m2p().get(Pte.mfn(entry))).as("%x", end).isEqualTo(end - base >>> 12);
      assertThat(domain.types().isUsedAs(Pte.mfn(entry), PageTypes.WRITABLE)).isEqualTo(writable);
      end += 4096;
    }
    assertThat(end & (4 << 20) - 1).as("end %x", end).isZero();
    mapped = end;
    assertThat(start.rsp()).isEqualTo(tablesEnd + 4096);
    assertThat(end - start.rsp()).isBetween(512L << 10, (512L << 10) + (4 << 20));
  }

  /** The P2M list has each page once, and the M2P table has the same. */
  private void checkP2m() {
    long pages = info(StartInfo.NR_PAGES);
    assertThat(pages).isEqualTo(domain.frames().allocated()).isEqualTo(domain.frames().maximum());
    Set<Long> seen = new HashSet<>();
    for (long pfn = 0; pfn < pages; pfn++) {
      long mfn = p2m(pfn);
      assertThat(domain.frames().isDomains(mfn)).isTrue();
      assertThat(domain.m2p().get(mfn)).isEqualTo(pfn);
      seen.add(mfn);
    }
    assertThat(seen).hasSize((int) pages);
    assertThat(walk(info(StartInfo.MFN_LIST)) & ~Pte.ADDRESS)
        .isEqualTo(XEN_BITS | KERNEL_PAGE | Pte.WRITABLE);
  }

  private void checkStartOfDay() {
    assertThat(new String(read(start.rsi(), 32), StandardCharsets.US_ASCII))
        .isEqualTo("xen-3.0-x86_64" + "\0".repeat(18));
    assertThat(info(StartInfo.SHARED_INFO)).isEqualTo(domain.sharedInfo());
    assertThat(info(StartInfo.STORE_MFN)).isEqualTo(start.storeMfn());
    assertThat(info32(StartInfo.STORE_EVTCHN)).isEqualTo(start.storePort()).isEqualTo(1);
    assertThat(info(StartInfo.CONSOLE_MFN)).isEqualTo(start.consoleMfn());
    assertThat(info32(StartInfo.CONSOLE_EVTCHN)).isEqualTo(start.consolePort()).isEqualTo(2);
    assertThat(start.storeMfn()).isEqualTo(maddr(start.rsi() + 4096) >>> 12);
    assertThat(start.consoleMfn()).isEqualTo(maddr(start.rsi() + 8192) >>> 12);
    assertThat(info(StartInfo.PT_BASE)).isEqualTo(start.rsi() + 3 * 4096);
    assertThat(maddr(info(StartInfo.PT_BASE)) >>> 12).isEqualTo(start.root());
    assertThat(domain.vcpu(0).kernelRoot()).isEqualTo(start.root());
    assertThat(domain.types().isPinned(start.root())).isTrue();
    assertThat(domain.types().count(start.root())).as("pinned and in use").isEqualTo(2);
    assertThat(raw.getLong((start.root() << 12) + 8 * 256)).isEqualTo(domain.m2p().l4Entry());
    for (int i = 0; i < 32; i++) {
      assertThat(raw.getByte(domain.sharedInfo() + i * 64L + 1)).isEqualTo(1);
    }
    assertThat(read(start.rsi() + 4096, 8192)).containsOnly(0);
    ByteBuffer map = ByteBuffer.wrap(domain.memoryMap().entries()).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(map.limit()).isEqualTo(20);
    assertThat(map.getLong(0)).isZero();
    assertThat(map.getLong(8)).isEqualTo(domain.frames().maximum() * 4096);
    assertThat(map.getInt(16)).isEqualTo(1);
  }

  // Layouts.

  @Test
  void aKernelAtTheTopOfTheAddressSpace() {
    build(PvElf.linux(), 4096, Optional.empty(), "console=hvc0");
    assertThat(read(BASE + 0x10_0000, 4096)).isEqualTo(head(PvElf.contents(3 * 4096, 1), 0));
    assertThat(read(BASE + 0x10_2000, 4096)).isEqualTo(head(PvElf.contents(3 * 4096, 1), 8192));
    assertThat(read(BASE + 0x10_3000, 4096)).containsOnly(0);
    assertThat(raw.getInt(maddr(BASE + 0x10_1000))).as("hypercall page").isEqualTo(0xb853_4151);
    assertThat(p2m(0)).as("mfns differ from pfns").isNotZero();
    // The kernel's end, 8 pages of list, start_info, two rings.
    assertThat(info(StartInfo.MFN_LIST)).isEqualTo(BASE + 0x10_4000);
    assertThat(start.rsi()).isEqualTo(BASE + 0x10_4000 + 8 * 4096);
    assertThat(info(StartInfo.NR_PT_FRAMES)).as("L4, L3, L2, two L1").isEqualTo(5);
    assertThat(mapped).isEqualTo(BASE + 4 * MIB);
    assertThat(info32(StartInfo.FLAGS)).isEqualTo(StartInfo.SIF_VIRT_P2M_4TOOLS);
    assertThat(info(StartInfo.MOD_START)).isZero();
    assertThat(info(StartInfo.MOD_LEN)).isZero();
    assertThat(info(StartInfo.FIRST_P2M_PFN)).isZero();
    assertThat(info(StartInfo.NR_P2M_FRAMES)).isZero();
    assertThat(new String(read(start.rsi() + 128, 16), StandardCharsets.US_ASCII))
        .isEqualTo("console=hvc0\0\0\0\0");
  }

  private static byte[] head(byte[] bytes, int from) {
    return Arrays.copyOfRange(bytes, from, from + 4096);
  }

  @Test
  void aKernelAtTheBottom() {
    build(PvElf.miniOs(), 2048, Optional.empty(), "");
    byte[] first = PvElf.contents(5000, 2);
    assertThat(read(0, 5000)).isEqualTo(first);
    assertThat(read(5120, 1000)).isEqualTo(PvElf.contents(1000, 3));
    assertThat(raw.getInt(maddr(0x2000))).as("hypercall page").isEqualTo(0xb853_4151);
    assertThat(info(StartInfo.MFN_LIST)).isEqualTo(7 * 4096);
    assertThat(mapped).isEqualTo(4 * MIB);
  }

  @Test
  void theMappingGrowsWithWhatIsInIt() throws Exception {
    // Nearly 4 MiB with the RAM disk: the padding goes beyond.
    Path disk = PvElf.write(directory, "disk", PvElf.contents(3_000_000, 5));
    build(PvElf.linux(), 8192, Optional.of(disk), "");
    assertThat(mapped).isEqualTo(BASE + 8 * MIB);
    assertThat(info(StartInfo.NR_PT_FRAMES)).isEqualTo(3 + 4);
    assertThat(info(StartInfo.MOD_START)).isEqualTo(BASE + 0x10_4000);
    assertThat(info(StartInfo.MOD_LEN)).isEqualTo(3_000_000);
    assertThat(read(info(StartInfo.MOD_START), 3_000_000)).isEqualTo(PvElf.contents(3_000_000, 5));
    assertThat(info(StartInfo.MFN_LIST)).isEqualTo(BASE + 0x10_4000 + 733 * 4096);
  }

  @Test
  void aMappedRamDiskIsUnpackedIfItIsOneGzipFile() {
    byte[] contents = PvElf.contents(10_000, 6);
    byte[] packed = PvElf.gzip(contents);
    build(PvElf.linux(), 4096, Optional.of(PvElf.write(directory, "disk", packed)), "");
    assertThat(info(StartInfo.MOD_LEN)).isEqualTo(10_000);
    assertThat(read(info(StartInfo.MOD_START), 10_000)).isEqualTo(contents);
    byte[] more = Arrays.copyOf(packed, packed.length + 10);
    for (byte[] other : new byte[][] {more, head(packed, 0)}) {
      build(PvElf.linux(), 4096, Optional.of(PvElf.write(directory, "disk", other)), "");
      assertThat(info(StartInfo.MOD_LEN)).isEqualTo(other.length);
      assertThat(read(info(StartInfo.MOD_START), other.length)).isEqualTo(other);
    }
  }

  @Test
  void aRamDiskThatNeedNotBeMapped() {
    byte[] contents = PvElf.gzip(PvElf.contents(10_000, 6));
    Path disk = PvElf.write(directory, "disk", contents);
    build(PvElf.linux().number32(PvElf.MOD_START_PFN, 1), 4096, Optional.of(disk), "");
    assertThat(info32(StartInfo.FLAGS))
        .isEqualTo(StartInfo.SIF_VIRT_P2M_4TOOLS | StartInfo.SIF_MOD_START_PFN);
    long pfn = info(StartInfo.MOD_START);
    assertThat(pfn).isEqualTo(mapped - base >>> 12);
    assertThat(info(StartInfo.MOD_LEN)).isEqualTo(contents.length);
    byte[] found = new byte[contents.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = (byte) raw.getByte((p2m(pfn + i / 4096) << 12) + i % 4096);
    }
    assertThat(found).isEqualTo(contents);
  }

  @Test
  void aListElsewhere() {
    long address = 0x80_0000_0000L;
    build(PvElf.linux().number(PvElf.INIT_P2M, address), 8192, Optional.empty(), "");
    assertThat(info(StartInfo.MFN_LIST)).isEqualTo(address);
    // 16 pages of list, and a table of each level.
    assertThat(info(StartInfo.NR_P2M_FRAMES)).isEqualTo(16 + 3);
    long first = info(StartInfo.FIRST_P2M_PFN);
    assertThat(first).isEqualTo(mapped - base >>> 12);
    for (int i = 0; i < 16; i++) {
      assertThat(maddr(address + i * 4096L) >>> 12).isEqualTo(p2m(first + i));
    }
    for (int level = 3; level >= 1; level--) {
      assertThat(domain.types().isUsedAs(p2m(first + 19 - level), level)).isTrue();
    }
    assertThat(walk(address + 16 * 4096)).isZero();
    assertThat(info(StartInfo.NR_PT_FRAMES)).isEqualTo(5);
  }

  @Test
  void aListElsewhereThatSharesTables() {
    // Right below the kernel: the same L3, L2 and L1 tables.
    long high = 0x4020_0000;
    PvElf elf =
        PvElf.miniOs()
            .number(PvElf.VIRT_BASE, high)
            .number(PvElf.ENTRY, high)
            .number(PvElf.HYPERCALL_PAGE, high)
            .number(PvElf.INIT_P2M, high - 0x10_0000);
    build(elf, 4096, Optional.empty(), "");
    assertThat(info(StartInfo.MFN_LIST)).isEqualTo(high - 0x10_0000);
    assertThat(info(StartInfo.NR_P2M_FRAMES)).as("one L1 table").isEqualTo(8 + 1);
    elf.number(PvElf.INIT_P2M, 0x1000);
    build(elf, 4096, Optional.empty(), "");
    assertThat(info(StartInfo.NR_P2M_FRAMES)).as("an L2 and an L1 table").isEqualTo(8 + 2);
  }

  @Test
  void aListThatCantBeWhereItIsWanted() {
    // Above the kernel, or not at the start of a page: then it is where it always was.
    for (long address : new long[] {BASE + (64 << 20), 0x80_0000_0100L}) {
      build(PvElf.linux().number(PvElf.INIT_P2M, address), 4096, Optional.empty(), "");
      assertThat(info(StartInfo.MFN_LIST)).isEqualTo(BASE + 0x10_4000);
    }
    assertRefused(
        PvElf.linux().number(PvElf.INIT_P2M, 0xffff_8000_0000_0000L),
        4096,
        "",
        "not all a guest's");
    assertRefused(
        PvElf.linux().number(PvElf.INIT_P2M, (1L << 47) - 4096), 4096, "", "not all a guest's");
    assertRefused(
        PvElf.linux().number(PvElf.INIT_P2M, BASE - 4096),
        4096,
        "",
        "1 pages up to the kernel, and the list takes 8");
  }

  @Test
  void memoryInPieces() {
    domain(3000, 1000);
    // Of all frames only these are left: of the first 2000 all but every seventh, and 1286 others.
    int count = 0;
    long first = domain.frames().take(0, 0);
    for (long mfn = first; mfn >= 0; mfn = domain.frames().take(0, 0)) {
      assertThat(mfn).isEqualTo(first + count++);
    }
    for (int i = 0; i < 2000; i++) {
      if (i % 7 != 0) {
        domain.frames().giveBack(first + i, 0);
      }
    }
    for (int i = count - 1286; i < count; i++) {
      domain.frames().giveBack(first + i, 0);
    }
    byte[] contents = PvElf.contents(4_000_000, 5);
    Path disk = PvElf.write(directory, "disk", contents);
    PvElf elf = PvElf.linux().number(PvElf.INIT_P2M, 0x1000);
    buildInto(elf, Optional.of(disk), "");
    assertThat(read(info(StartInfo.MOD_START), contents.length)).isEqualTo(contents);
    assertThat(read(BASE + 0x10_2000, 4096)).isEqualTo(head(PvElf.contents(3 * 4096, 1), 8192));
    long pieces = 0;
    for (long pfn = 1; pfn < 3000; pfn++) {
      pieces += p2m(pfn) == p2m(pfn - 1) + 1 ? 0 : 1;
    }
    assertThat(pieces).isGreaterThan(285);
  }

  @Test
  void symbolsBehindTheKernel() {
    byte[] table = PvElf.contents(24 * 7, 8);
    byte[] names = PvElf.contents(77, 9);
    PvElf elf = PvElf.miniOs().symbols(table, names).text(PvElf.BSD_SYMTAB, "yes");
    build(elf, 2048, Optional.empty(), "");
    long at = 25120;
    ByteBuffer image = ByteBuffer.wrap(read(at, 264 + 168 + 77)).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(image.getInt(0)).isEqualTo(260 + 168 + 77);
    assertThat(image.getInt(4)).isEqualTo(0x464c_457f);
    assertThat(image.getLong(4 + 40)).as("e_shoff").isEqualTo(64);
    assertThat(image.getShort(4 + 56)).as("e_phnum").isZero();
    assertThat(image.getShort(4 + 60)).as("e_shnum").isEqualTo((short) 3);
    int symbols = 4 + 64 + 64;
    assertThat(image.getInt(symbols + 4)).isEqualTo(2);
    assertThat(image.getLong(symbols + 24)).isEqualTo(260);
    assertThat(image.getLong(symbols + 32)).isEqualTo(168);
    assertThat(image.getInt(symbols + 40)).isEqualTo(2);
    assertThat(image.getInt(symbols + 64 + 4)).isEqualTo(3);
    assertThat(image.getLong(symbols + 64 + 24)).isEqualTo(260 + 168);
    assertThat(read(at + 264, 168)).isEqualTo(table);
    assertThat(read(at + 264 + 168, 77)).isEqualTo(names);
    assertThat(info(StartInfo.MFN_LIST)).isEqualTo(25120 + 264 + 168 + 80 + 4095 & -4096);
  }

  // Errors.

  @Test
  void tooLittleMemory() {
    assertRefused(PvElf.linux(), 1000, "", "starts with 4 MB in use", "--memory");
    domain(1024);
    try (PvKernel kernel = kernel(PvElf.linux())) {
      DomainBuilder.build(domain, kernel, Optional.empty(), "");
    }
    assertRefused(PvElf.linux().load(64 << 20, new byte[10], 10), 4096, "", "--memory");
    domain(2048);
    Path disk = PvElf.write(directory, "disk", new byte[9_000_000]);
    try (PvKernel kernel = kernel(PvElf.linux())) {
      assertThatThrownBy(() -> DomainBuilder.build(domain, kernel, Optional.of(disk), ""))
          .isInstanceOf(BootException.class)
          .hasMessageContaining("(8 of them for the initrd), and has 8;");
      assertThatThrownBy(
              () -> DomainBuilder.build(domain, kernel, Optional.of(directory.resolve("none")), ""))
          .isInstanceOf(BootException.class)
          .hasMessageContaining("can't read the initrd")
          .hasMessageContaining("there is no such file");
    }
  }

  @Test
  void commandLines() {
    String longest = "x".repeat(1023);
    build(PvElf.linux(), 4096, Optional.empty(), longest);
    assertThat(new String(read(start.rsi() + 128, 1024), StandardCharsets.US_ASCII))
        .isEqualTo(longest + '\0');
    assertThat(info(StartInfo.FIRST_P2M_PFN)).isZero();
    assertRefused(PvElf.linux(), 4096, longest + "x", "1024 bytes long", "--append");
    assertRefused(PvElf.linux(), 4096, "a\0b", "zero character");
  }

  @Test
  void addressesThatAreNotTheGuests() {
    assertRefused(at(0xffff_8000_0000_0000L), 4096, "", "not all a guest's");
    assertRefused(at(0xffff_87ff_ffff_f000L), 4096, "", "not all a guest's");
    assertRefused(at(1L << 50), 4096, "", "not all a guest's");
    assertRefused(at((1L << 47) - (1 << 19)), 4096, "", "not all a guest's");
    assertRefused(at(-(1L << 19)), 4096, "", "not all a guest's");
    build(at(Layout.HYPERVISOR_END), 4096, Optional.empty(), "");
    build(at(-(4L << 20)), 4096, Optional.empty(), "");
    assertThat(mapped).as("the very end").isZero();
    assertRefused(
        PvElf.linux().number(PvElf.HYPERCALL_PAGE, BASE + 4 * MIB),
        4096,
        "",
        "hypercall page at 0xffffffff80400000");
    assertRefused(PvElf.linux().number(PvElf.HYPERCALL_PAGE, 0x1000), 4096, "", "hypercall page");
  }

  private static PvElf at(long address) {
    return PvElf.miniOs()
        .number(PvElf.VIRT_BASE, address)
        .number(PvElf.ENTRY, address)
        .number(PvElf.HYPERCALL_PAGE, address);
  }

  // The processor.

  @Test
  void registersOfTheFirstVcpu() {
    build(PvElf.linux(), 4096, Optional.empty(), "");
    FakeCpu cpu = new FakeCpu(raw);
    cpu.attach(domain.vcpu(0));
    Arrays.fill(cpu.registers, 99);
    Arrays.fill(cpu.selectors, 99);
    Arrays.fill(cpu.bases, 99);
    Arrays.fill(cpu.debugRegisters, 99);
    cpu.kernelMode = false;
    cpu.taskSwitched = true;
    start.load(cpu);
    long[] expected = new long[16];
    expected[4] = start.rsp();
    expected[6] = start.rsi();
    assertThat(cpu.registers).isEqualTo(expected);
    assertThat(cpu.rip).isEqualTo(BASE + 0x10_0040);
    assertThat(cpu.rflags).isEqualTo(0x202);
    assertThat(cpu.selectors).containsExactly(0, 0xe033, 0xe02b, 0, 0, 0);
    assertThat(cpu.bases).containsOnly(0);
    assertThat(cpu.kernelMode).isTrue();
    assertThat(cpu.taskSwitched).isFalse();
    assertThat(cpu.kernelRoot).isEqualTo(start.root());
    assertThat(cpu.userRoot).isZero();
    assertThat(cpu.debugRegisters).containsExactly(0, 0, 0, 0, 99, 99, 0xffff_0ff0L, 0x400);
    assertThat(cpu.translate(start.rip(), false)).isEqualTo(maddr(start.rip()));
    assertThat(cpu.translate(start.rsp() - 8, true)).isNotNegative();
    assertThat(cpu.translate(info(StartInfo.PT_BASE), true)).isEqualTo(-1);
    assertThat(cpu.translate(Layout.M2P_START + 8 * start.root(), false)).isNotNegative();
  }

  @Test
  void theGuestCanChangeItsTables() {
    build(PvElf.linux(), 4096, Optional.empty(), "");
    FakeCpu cpu = new FakeCpu(raw);
    cpu.attach(domain.vcpu(0));
    start.load(cpu);
    // shared_info in place of a page of the kernel's, as all kernels do it.
    long page = BASE + 0x10_3000;
    long entry = info(StartInfo.SHARED_INFO) | Pte.PRESENT | Pte.WRITABLE;
    long result =
        domain
            .hypercalls()
            .call(domain.vcpu(0), HypercallNumber.UPDATE_VA_MAPPING, page, entry, 0, 0, 0);
    assertThat(result).isZero();
    assertThat(cpu.translate(page + 1, true)).isEqualTo(domain.sharedInfo() + 1);
    // A page table can't be made writable, the console's page can't become one.
    long tables = info(StartInfo.PT_BASE);
    long bad = walk(tables) | Pte.WRITABLE;
    assertThat(
            domain
                .hypercalls()
                .call(domain.vcpu(0), HypercallNumber.UPDATE_VA_MAPPING, tables, bad, 0, 0, 0))
        .isNegative();
    assertThat(domain.types().acquirePage(start.consoleMfn(), PageTypes.L1)).isNegative();
  }
}
