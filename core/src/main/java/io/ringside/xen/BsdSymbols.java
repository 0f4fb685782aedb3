package io.ringside.xen;

import io.ringside.boot.ElfFile;
import io.ringside.boot.LoadRun;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;

/**
 * A kernel's symbols behind the kernel, for those that ask for them: a length, and a small ELF file of an ELF header,
 * three section headers (none, symbols, strings), symbols and strings. Source: {@code elf_load_bsdsyms} in {@code
 * xen/common/libelf/libelf-loader.c}.
 *
 * @param start its address, as physical ones in the ELF file are
 * @param end the address after it
 * @param header what comes before the symbols; read-only
 * @param runs where the symbols and the strings are in the file, and belong
 */
record BsdSymbols(long start, long end, ByteBuffer header, List<LoadRun> runs) {
  private static final int LENGTH = 4;
  private static final int ELF_HEADER = 64;
  private static final int SECTION_HEADER = 64;
  private static final int HEADERS = LENGTH + ELF_HEADER + 3 * SECTION_HEADER;

  /**
   * Lays them out.
   *
   * @param kernelEnd the address after the kernel
   * @return nothing where the file has no symbols
   */
  static Optional<BsdSymbols> of(ElfFile elf, long kernelEnd) {
    List<ElfFile.Section> sections = elf.sections();
    for (ElfFile.Section symbols : sections) {
      if (symbols.type() != ElfFile.SECTION_SYMBOLS) {
        continue;
      }
      for (ElfFile.Section strings : sections) {
        if (strings.index() == symbols.link() && strings.type() == ElfFile.SECTION_STRINGS) {
          return Optional.of(of(elf, roundUp(kernelEnd), symbols, strings));
        }
      }
    }
    return Optional.empty();
  }

  private static BsdSymbols of(
      ElfFile elf, long start, ElfFile.Section symbols, ElfFile.Section strings) {
    long base = start + LENGTH;
    long symbolsAt = roundUp(start + HEADERS);
    long stringsAt = roundUp(symbolsAt + symbols.size());
    long end = stringsAt + strings.size();
    ByteBuffer header = ByteBuffer.allocate(HEADERS).order(ByteOrder.LITTLE_ENDIAN);
    header.putInt(0, (int) (end - base));
    header.put(LENGTH, elf.header());
    // Version, no program headers, three section headers right behind this one.
    header.putInt(LENGTH + 20, 1).putLong(LENGTH + 32, 0).putLong(LENGTH + 40, ELF_HEADER);
    header.putShort(LENGTH + 52, (short) ELF_HEADER).putShort(LENGTH + 54, (short) 0);
    header.putShort(LENGTH + 56, (short) 0).putShort(LENGTH + 58, (short) SECTION_HEADER);
    header.putShort(LENGTH + 60, (short) 3).putShort(LENGTH + 62, (short) 0);
    int symbolsHeader = LENGTH + ELF_HEADER + SECTION_HEADER;
    header.put(symbolsHeader, elf.header(symbols));
    header.putLong(symbolsHeader + 24, symbolsAt - base).putInt(symbolsHeader + 40, 2);
    int stringsHeader = symbolsHeader + SECTION_HEADER;
    header.put(stringsHeader, elf.header(strings));
    header.putLong(stringsHeader + 24, stringsAt - base);
    return new BsdSymbols(
        start,
        roundUp(end),
        header.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN),
        List.of(
            new LoadRun(symbolsAt, symbols.offset(), symbols.size()),
            new LoadRun(stringsAt, strings.offset(), strings.size())));
  }

  private static long roundUp(long address) {
    return address + 7 & -8;
  }
}
