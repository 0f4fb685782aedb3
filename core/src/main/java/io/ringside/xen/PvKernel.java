package io.ringside.xen;

import io.ringside.boot.BootException;
import io.ringside.boot.CacheDirectory;
import io.ringside.boot.ElfFile;
import io.ringside.boot.ElfNote;
import io.ringside.boot.KernelImage;
import io.ringside.boot.LoadRun;
import io.ringside.machine.GuestMemory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * A kernel file that can be started as a 64-bit Xen PV guest: a bzImage, whose payload is unpacked and kept in the cache
 * directory, or an ELF file, which may be compressed with gzip. What is checked, and how addresses are found, is as in
 * {@code xen/common/libelf/libelf-dominfo.c}.
 *
 * <p>The ELF file's physical addresses less {@link PvNotes#physicalOffset} are pseudo-physical ones, and pseudo-physical
 * memory is mapped from {@link #virtualBase} on.
 */
public final class PvKernel implements AutoCloseable {
  /** Bits of features that a kernel can't require, since no PV guest of Xen 4.17 has them. */
  private static final int IMPOSSIBLE_FEATURES =
      1 << XenFeature.AUTO_TRANSLATED_PHYSMAP
          | 1 << XenFeature.SUPERVISOR_MODE_KERNEL
          | 1 << XenFeature.HVM_CALLBACK_VECTOR
          | 1 << XenFeature.DOM0;

  /** No kernel takes more; it keeps sums from overflowing. */
  private static final long MAX_SIZE = 1L << 40;

  private final String name;
  private final KernelContents contents;
  private final PvNotes notes;
  private final Image image;
  private final long virtualBase;
  private final long virtualOffset;
  private final long entry;

  /**
   * What is to be loaded. Addresses are the ELF file's physical ones.
   *
   * @param linkedEntry the entry in the ELF header
   * @param start the lowest address
   * @param end the address after the highest
   * @param runs what has contents
   * @param symbols the symbol table to add
   */
  private record Image(
      long linkedEntry, long start, long end, List<LoadRun> runs, Optional<BsdSymbols> symbols) {}

  private PvKernel(String name, KernelContents contents, PvNotes notes, Image image) {
    this.name = name;
    this.contents = contents;
    this.notes = notes;
    this.image = image;
    checkKind();
    checkFeatures();
    if (notes.physicalOffset().isPresent() && notes.virtualBase().isEmpty()) {
      throw malformed("it gives a PADDR_OFFSET and no VIRT_BASE");
    }
    virtualBase = notes.virtualBase().orElse(0);
    // The old string's default is for loaders that put virtual addresses into the physical ones.
    long physicalOffset = notes.physicalOffset().orElse(notes.legacy() ? virtualBase : 0);
    virtualOffset = virtualBase - physicalOffset;
    entry = notes.entry().orElse(image.linkedEntry);
    checkAddresses();
  }

  /**
   * Opens and checks a kernel file.
   *
   * @param file a bzImage (vmlinuz) or an ELF64 file
   * @param cache where an unpacked bzImage is kept
   * @throws BootException where the file can't be read, is damaged, or has no kernel in it that can run as a PV guest;
   *     the message tells why
   */
  public static PvKernel open(Path file, CacheDirectory cache) {
    String name = file.toString();
    if (KernelContents.Elf.isPresent(file)) {
      KernelContents.Elf elf = KernelContents.Elf.open(file);
      return make(elf, () -> elf.inspect(parsed -> ofElf(name, elf, parsed)));
    }
    KernelImage image = KernelImage.openAnyEntry(file, cache);
    KernelContents contents = KernelContents.of(image);
    return make(contents, () -> ofImage(name, contents, image));
  }

  private static PvKernel make(KernelContents contents, Supplier<PvKernel> how) {
    boolean done = false;
    try {
      PvKernel kernel = how.get();
      done = true;
      return kernel;
    } finally {
      if (!done) {
        contents.close();
      }
    }
  }

  private static PvKernel ofImage(String name, KernelContents contents, KernelImage image) {
    if (image.xenNotes().isEmpty()) {
      throw notForXen(name);
    }
    return new PvKernel(
        name,
        contents,
        PvNotes.of(image.xenNotes(), name),
        new Image(image.linkedEntry(), image.start(), image.end(), image.runs(), Optional.empty()));
  }

  private static PvKernel ofElf(String name, KernelContents contents, ElfFile elf) {
    PvNotes notes = notes(name, elf);
    List<LoadRun> runs = new ArrayList<>();
    long start = -1;
    long end = 0;
    for (ElfFile.Segment segment : elf.loads()) {
      long physical = segment.physical();
      long after = physical + segment.memorySize();
      if (Long.compareUnsigned(after, physical) < 0) {
        throw new BootException(
            name + ": a segment with impossible sizes; the file is damaged, get it again");
      }
      start = Long.compareUnsigned(physical, start) < 0 ? physical : start;
      end = Long.compareUnsigned(after, end) > 0 ? after : end;
      if (segment.fileSize() > 0) {
        runs.add(new LoadRun(physical, segment.offset(), segment.fileSize()));
      }
    }
    Optional<BsdSymbols> symbols = notes.bsdSymbols() ? BsdSymbols.of(elf, end) : Optional.empty();
    return new PvKernel(
        name,
        contents,
        notes,
        new Image(
            elf.entry(),
            start,
            symbols.isPresent() ? symbols.get().end() : end,
            List.copyOf(runs),
            symbols));
  }

  private static PvNotes notes(String name, ElfFile elf) {
    List<ElfNote> notes = elf.notes("Xen");
    if (!notes.isEmpty()) {
      return PvNotes.of(notes, name);
    }
    Optional<ElfFile.Section> section = elf.section("__xen_guest");
    if (section.isEmpty()) {
      throw notForXen(name);
    }
    return PvNotes.ofString(elf.text(section.get().offset(), section.get().size()), name);
  }

  private static BootException notForXen(String name) {
    return new BootException(
        name
            + ": can't run paravirtualized, since it has no Xen ELF notes (it was built without"
            + " CONFIG_XEN_PV or the like); use a kernel with Xen PV support, or --method bt");
  }

  private void checkKind() {
    boolean known = notes.loader().startsWith("generic") || notes.guestOs().startsWith("linux");
    if (!known && notes.physical32Entry().isPresent()) {
      throw new BootException(
          name
              + ": can't run paravirtualized, since its Xen support is for PVH guests only"
              + " (PHYS32_ENTRY); use a kernel with CONFIG_XEN_PV, or --method bt");
    }
    if (!known) {
      throw malformed("it is for the loader '" + notes.loader() + "', and only 'generic' is known");
    }
    if (!notes.xenVersion().startsWith("xen-3.0")) {
      throw malformed(
          "it is for the Xen ABI '" + notes.xenVersion() + "', and only 'xen-3.0' is known");
    }
  }

  private void checkFeatures() {
    if (!notes.unknownFeature().isEmpty()) {
      throw lacking(notes.unknownFeature());
    }
    int missing = notes.requiredFeatures() & IMPOSSIBLE_FEATURES;
    if (missing != 0) {
      throw lacking(XenFeature.name(Integer.numberOfTrailingZeros(missing)));
    }
  }

  private BootException lacking(String feature) {
    return new BootException(
        name
            + ": can't run paravirtualized, since it requires the Xen feature '"
            + feature
            + "', which an unprivileged PV guest doesn't have; use another kernel, or --method bt");
  }

  private void checkAddresses() {
    long start = virtualStart();
    long end = virtualEnd();
    if (Long.compareUnsigned(start, end) > 0
        || Long.compareUnsigned(virtualBase, start) > 0
        || Long.compareUnsigned(entry, start) < 0
        || Long.compareUnsigned(entry, end) > 0) {
      throw malformed(
          "its addresses don't go together: base "
              + hex(virtualBase)
              + ", kernel "
              + hex(start)
              + " to "
              + hex(end)
              + ", entry "
              + hex(entry));
    }
    if (Long.compareUnsigned(end - virtualBase, MAX_SIZE) > 0) {
      throw malformed(
          "it reaches from " + hex(virtualBase) + " to " + hex(end) + ", which can't be");
    }
    if ((virtualBase & 4095) != 0) {
      throw malformed("its base " + hex(virtualBase) + " isn't the start of a page");
    }
    if (notes.initialP2m().isPresent()) {
      long p2m = notes.initialP2m().getAsLong();
      if (Long.compareUnsigned(p2m, start) >= 0 && Long.compareUnsigned(p2m, end) < 0) {
        throw malformed("it wants its P2M list at " + hex(p2m) + ", inside of itself");
      }
    }
  }

  /** The error of a kernel whose notes ask for what can't be. */
  BootException malformed(String why) {
    return new BootException(
        name + ": can't run paravirtualized: " + why + "; use another kernel, or --method bt");
  }

  private static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** The file's name. */
  public String name() {
    return name;
  }

  /** What the kernel says about itself. */
  public PvNotes notes() {
    return notes;
  }

  /** The virtual address of pseudo-physical address 0. */
  public long virtualBase() {
    return virtualBase;
  }

  /** The lowest virtual address that the kernel occupies. */
  public long virtualStart() {
    return image.start + virtualOffset;
  }

  /** The virtual address after it, zeroed data and symbols included. */
  public long virtualEnd() {
    return image.end + virtualOffset;
  }

  /** The virtual address of the first instruction. */
  public long entry() {
    return entry;
  }

  /**
   * Copies the kernel into a domain's memory, which is zero.
   *
   * @param map where the pages are
   * @throws BootException where the file can't be read any more
   */
  void load(PhysToMachine map, GuestMemory memory) {
    for (LoadRun run : image.runs) {
      load(run, map, memory);
    }
    if (image.symbols.isPresent()) {
      BsdSymbols symbols = image.symbols.get();
      long address = pseudoPhysical(symbols.start());
      for (int i = 0; i < symbols.header().limit(); i++) {
        memory.raw().putByte(map.maddr(address + i), symbols.header().get(i));
      }
      for (LoadRun run : symbols.runs()) {
        load(run, map, memory);
      }
    }
  }

  private void load(LoadRun run, PhysToMachine map, GuestMemory memory) {
    long address = pseudoPhysical(run.gpa());
    for (long done = 0; done < run.length(); ) {
      long part = Math.min(run.length() - done, map.contiguous(address + done));
      contents.read(run.offset() + done, part, memory, map.maddr(address + done));
      done += part;
    }
  }

  private long pseudoPhysical(long physical) {
    return physical + virtualOffset - virtualBase;
  }

  @Override
  public void close() {
    contents.close();
  }
}
