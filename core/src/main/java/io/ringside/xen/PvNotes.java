package io.ringside.xen;

import io.ringside.boot.BootException;
import io.ringside.boot.ElfNote;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * What a kernel tells who builds its domain: ELF notes, or the string that came before them, in section {@code
 * __xen_guest}. What is said twice counts as it was said last. Source: {@code public/elfnote.h}, {@code
 * xen/common/libelf/libelf-dominfo.c}.
 */
public final class PvNotes {
  private static final int ENTRY = 1;
  private static final int HYPERCALL_PAGE = 2;
  private static final int VIRT_BASE = 3;
  private static final int PADDR_OFFSET = 4;
  private static final int XEN_VERSION = 5;
  private static final int GUEST_OS = 6;
  private static final int GUEST_VERSION = 7;
  private static final int LOADER = 8;
  private static final int PAE_MODE = 9;
  private static final int FEATURES = 10;
  private static final int BSD_SYMTAB = 11;
  private static final int HV_START_LOW = 12;
  private static final int L1_MFN_VALID = 13;
  private static final int SUSPEND_CANCEL = 14;
  private static final int INIT_P2M = 15;
  private static final int MOD_START_PFN = 16;
  private static final int SUPPORTED_FEATURES = 17;
  private static final int PHYS32_ENTRY = 18;

  private static final int PAGE_SHIFT = 12;

  private final String name;
  private String guestOs = "";
  private String guestVersion = "";
  private String xenVersion = "";
  private String loader = "";
  private String paeMode = "";
  private OptionalLong entry = OptionalLong.empty();
  private OptionalLong hypercallPage = OptionalLong.empty();
  private OptionalLong virtualBase = OptionalLong.empty();
  private OptionalLong physicalOffset = OptionalLong.empty();
  private OptionalLong hypervisorStartLow = OptionalLong.empty();
  private OptionalLong initialP2m = OptionalLong.empty();
  private OptionalLong physical32Entry = OptionalLong.empty();
  private List<L1MfnValid> l1MfnValid = List.of();
  private int supported;
  private int required;
  private String unknownFeature = "";
  private boolean bsdSymbols;
  private boolean moduleUnmapped;
  private boolean suspendCancel;
  private boolean legacy;

  /**
   * How to tell entries of level-1 tables that are not present and hold an mfn: those whose {@code mask} bits are
   * {@code value}.
   */
  public record L1MfnValid(long mask, long value) {}

  private PvNotes(String name) {
    this.name = name;
  }

  /**
   * Reads notes.
   *
   * @param notes those of owner "Xen"
   * @param name how messages call the kernel
   * @throws BootException where one is malformed
   */
  static PvNotes of(List<ElfNote> notes, String name) {
    PvNotes result = new PvNotes(name);
    for (ElfNote note : notes) {
      result.take(note.type(), note.description());
    }
    return result;
  }

  private void take(int type, ByteBuffer value) {
    switch (type) {
      case ENTRY -> entry = number(type, value);
      case HYPERCALL_PAGE -> hypercallPage = number(type, value);
      case VIRT_BASE -> virtualBase = number(type, value);
      case PADDR_OFFSET -> physicalOffset = number(type, value);
      case XEN_VERSION -> xenVersion = text(value);
      case GUEST_OS -> guestOs = text(value);
      case GUEST_VERSION -> guestVersion = text(value);
      case LOADER -> loader = text(value);
      case PAE_MODE -> paeMode = text(value);
      case FEATURES -> features(text(value));
      case BSD_SYMTAB -> bsdSymbols = text(value).equals("yes");
      case HV_START_LOW -> hypervisorStartLow = number(type, value);
      case L1_MFN_VALID -> l1MfnValid = pairs(value);
      case SUSPEND_CANCEL -> suspendCancel = number(type, value).getAsLong() != 0;
      case INIT_P2M -> initialP2m = number(type, value);
      case MOD_START_PFN -> moduleUnmapped = number(type, value).getAsLong() != 0;
      case SUPPORTED_FEATURES -> supported |= value.limit() >= 4 ? value.getInt(0) : 0;
      case PHYS32_ENTRY -> physical32Entry = number(type, value);
      default -> {
        // Notes of later versions of Xen, and for other tools.
      }
    }
  }

  private OptionalLong number(int type, ByteBuffer value) {
    return OptionalLong.of(
        switch (value.limit()) {
          case 1 -> value.get(0) & 0xffL;
          case 2 -> value.getShort(0) & 0xffffL;
          case 4 -> value.getInt(0) & 0xffff_ffffL;
          case 8 -> value.getLong(0);
          default ->
              throw new BootException(
                  name
                      + ": its Xen note "
                      + type
                      + " has "
                      + value.limit()
                      + " bytes, and a number has 1, 2, 4 or 8; the file is damaged, get it again");
        });
  }

  private static String text(ByteBuffer value) {
    StringBuilder text = new StringBuilder();
    // Some kernels leave out the zero at the end.
    for (int i = 0; i < value.limit() && value.get(i) != 0; i++) {
      text.append((char) (value.get(i) & 0xff));
    }
    return text.toString();
  }

  private static List<L1MfnValid> pairs(ByteBuffer value) {
    List<L1MfnValid> pairs = new ArrayList<>();
    for (int i = 0; i + 16 <= value.limit(); i += 16) {
      pairs.add(new L1MfnValid(value.getLong(i), value.getLong(i + 8)));
    }
    return List.copyOf(pairs);
  }

  /** Takes names with {@code |} between them, those of required features with {@code !} in front. */
  private void features(String list) {
    for (int from = 0; from < list.length(); ) {
      int bar = list.indexOf('|', from);
      int end = bar < 0 ? list.length() : bar;
      boolean needed = list.charAt(from) == '!';
      String feature = list.substring(needed ? from + 1 : from, end);
      int number = XenFeature.number(feature);
      if (number >= 0) {
        supported |= 1 << number;
        required |= needed ? 1 << number : 0;
      } else if (needed) {
        unknownFeature = feature;
      }
      from = end + 1;
    }
  }

  /**
   * Reads the string that came before notes: {@code NAME=VALUE} with commas between them.
   *
   * @param text the contents of section {@code __xen_guest}
   * @param name how messages call the kernel
   * @throws BootException where a number is malformed
   */
  static PvNotes ofString(String text, String name) {
    PvNotes result = new PvNotes(name);
    result.legacy = true;
    for (int from = 0; from < text.length(); ) {
      int comma = text.indexOf(',', from);
      int end = comma < 0 ? text.length() : comma;
      int equals = text.indexOf('=', from);
      if (equals < 0 || equals >= end) {
        result.take(text.substring(from, end), "");
      } else {
        result.take(text.substring(from, equals), text.substring(equals + 1, end));
      }
      from = end + 1;
    }
    if (result.virtualBase.isPresent() && result.hypercallPage.isPresent()) {
      result.hypercallPage =
          OptionalLong.of(result.hypercallPage.getAsLong() + result.virtualBase.getAsLong());
    }
    return result;
  }

  private void take(String key, String value) {
    switch (key) {
      case "LOADER" -> loader = value;
      case "GUEST_OS" -> guestOs = value;
      case "GUEST_VER" -> guestVersion = value;
      case "XEN_VER" -> xenVersion = value;
      case "PAE" -> paeMode = value;
      case "BSD_SYMTAB" -> bsdSymbols = true;
      case "VIRT_BASE" -> virtualBase = number(key, value);
      case "VIRT_ENTRY" -> entry = number(key, value);
      case "ELF_PADDR_OFFSET" -> physicalOffset = number(key, value);
      // Here the number of a page after the base.
      case "HYPERCALL_PAGE" ->
          hypercallPage = OptionalLong.of(number(key, value).getAsLong() << PAGE_SHIFT);
      case "FEATURES" -> features(value);
      default -> {
        // Later versions may have more.
      }
    }
  }

  private OptionalLong number(String key, String value) {
    try {
      boolean hex = value.startsWith("0x") || value.startsWith("0X");
      return OptionalLong.of(
          hex
              ? Long.parseUnsignedLong(value, 2, value.length(), 16)
              : Long.parseUnsignedLong(
                  value, value.startsWith("0") && value.length() > 1 ? 8 : 10));
    } catch (NumberFormatException e) {
      throw new BootException(
          name
              + ": its __xen_guest string says "
              + key
              + "="
              + value
              + ", which is no number; the file is damaged, get it again",
          e);
    }
  }

  /** The name of the guest operating system, "" where it isn't told; so with the other strings. */
  public String guestOs() {
    return guestOs;
  }

  /** The version of the guest operating system. */
  public String guestVersion() {
    return guestVersion;
  }

  /** The version of the ABI that the kernel wants, {@code xen-3.0}. */
  public String xenVersion() {
    return xenVersion;
  }

  /** The kind of loader, {@code generic}. */
  public String loader() {
    return loader;
  }

  /** How a 32-bit kernel does with PAE; means nothing here. */
  public String paeMode() {
    return paeMode;
  }

  /** The virtual address of the first instruction. */
  public OptionalLong entry() {
    return entry;
  }

  /** The virtual address of the hypercall page. */
  public OptionalLong hypercallPage() {
    return hypercallPage;
  }

  /** The virtual address at which pseudo-physical memory is mapped. */
  public OptionalLong virtualBase() {
    return virtualBase;
  }

  /** What to take from the ELF file's physical addresses to get pseudo-physical ones. */
  public OptionalLong physicalOffset() {
    return physicalOffset;
  }

  /** The lowest address at which Xen's own range may start; means nothing to 64-bit guests. */
  public OptionalLong hypervisorStartLow() {
    return hypervisorStartLow;
  }

  /** Where the initial P2M list is to be mapped. */
  public OptionalLong initialP2m() {
    return initialP2m;
  }

  /** The entry of a PVH guest, which is none of ours. */
  public OptionalLong physical32Entry() {
    return physical32Entry;
  }

  /** How the kernel marks entries that are not present and hold an mfn. */
  public List<L1MfnValid> l1MfnValid() {
    return l1MfnValid;
  }

  /** Bits of the features ({@code XENFEAT_*}) that the kernel supports, the required ones included. */
  public int supportedFeatures() {
    return supported;
  }

  /** Bits of the features that it can't run without. */
  public int requiredFeatures() {
    return required;
  }

  /** A feature that it can't run without and that no version of Xen has, else "". */
  String unknownFeature() {
    return unknownFeature;
  }

  /** Whether it wants its symbol table behind it. */
  public boolean bsdSymbols() {
    return bsdSymbols;
  }

  /** Whether it takes an initial RAM disk that isn't mapped, by its pfn. */
  public boolean moduleUnmapped() {
    return moduleUnmapped;
  }

  /** Whether a suspend may be taken back. */
  public boolean suspendCancel() {
    return suspendCancel;
  }

  /** Whether this is from a {@code __xen_guest} string. */
  public boolean legacy() {
    return legacy;
  }
}
