package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Grants, mappings and changes of page tables at random: all references are given back in the end. */
class GrantTableRandomTest {
  /** Pages that are granted, and pages whose mappings change; some are both. */
  private static final int FIRST = 20;

  private static final int PAGES = 24;

  /** A mapping: its handle, address and bus address. */
  private record Mapping(int handle, long address, long bus, int flags) {}

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private final ServiceGuest guest = new ServiceGuest();
  private final GrantEntries entries = guest.domain.grantTable().entries();
  private final List<Mapping> mappings = new ArrayList<>();

  private int page() {
    return FIRST + random.nextInt(PAGES);
  }

  private void grant() {
    int reference = 8 + random.nextInt(8);
    if (entries.isPinned(reference)) {
      return;
    }
    long entry = entries.address(reference);
    int pfn = random.nextInt(8) == 0 ? TestGuest.L1 - 1 + random.nextInt(5) : page();
    guest.ram.putShort(entry + 2, TestGuest.DOMID);
    entries.entryFrame(reference, pfn > TestGuest.L4 ? random.nextInt(5000) : guest.guest.mfn(pfn));
    guest.ram.putShort(entry, random.nextInt(16));
  }

  private long call(int command) {
    return guest.call(HypercallNumber.GRANT_TABLE_OP, command, ServiceGuest.BUFFER, 1);
  }

  private void map() {
    int pfn = page();
    int flags = random.nextInt(32);
    long address =
        (flags & GrantMappings.CONTAINS_PTE) != 0
            ? guest.guest.maddr(TestGuest.L1) + 8L * pfn
            : TestGuest.gva(pfn);
    guest.ram.putLong(guest.buffer, address);
    guest.ram.putInt(guest.buffer + 8, flags);
    guest.ram.putInt(guest.buffer + 12, 8 + random.nextInt(8));
    guest.ram.putShort(guest.buffer + 16, TestGuest.DOMID);
    assertThat(call(0)).isZero();
    if (guest.ram.getShort(guest.buffer + 18) == 0) {
      int handle = guest.ram.getInt(guest.buffer + 20);
      mappings.add(new Mapping(handle, address, guest.ram.getLong(guest.buffer + 24), flags));
    }
  }

  private void unmap(Mapping mapping, boolean both) {
    guest.ram.putLong(guest.buffer, both || random.nextBoolean() ? mapping.address : 0);
    guest.ram.putLong(guest.buffer + 8, both || random.nextBoolean() ? mapping.bus : 0);
    guest.ram.putInt(guest.buffer + 16, mapping.handle);
    assertThat(call(1)).isZero();
  }

  private void replace(Mapping mapping) {
    guest.ram.putLong(guest.buffer, mapping.address);
    guest.ram.putLong(guest.buffer + 8, TestGuest.gva(page()));
    guest.ram.putInt(guest.buffer + 16, mapping.handle);
    assertThat(call(7)).isZero();
  }

  private void copy() {
    for (int at = 0; at <= 16; at += 16) {
      boolean byGrant = random.nextBoolean();
      long frame = guest.guest.mfn(page());
      guest.ram.putLong(guest.buffer + at, byGrant ? 8 + random.nextInt(8) : frame);
      guest.ram.putShort(guest.buffer + at + 8, byGrant ? TestGuest.DOMID : Layout.DOMID_SELF);
      guest.ram.putShort(guest.buffer + at + 10, random.nextInt(4100));
    }
    guest.ram.putShort(guest.buffer + 32, random.nextInt(200));
    guest.ram.putShort(guest.buffer + 34, random.nextInt(4));
    assertThat(call(5)).isZero();
  }

  @Test
  void referencesBalance() {
    int[] references = new int[PAGES];
    for (int i = 0; i < PAGES; i++) {
      references[i] = guest.domain.frames().references(guest.guest.mfn(FIRST + i));
    }
    for (int i = 0; i < 20_000; i++) {
      switch (random.nextInt(7)) {
        case 0 -> grant();
        case 1, 2 -> map();
        case 3 -> {
          if (!mappings.isEmpty()) {
            unmap(mappings.get(random.nextInt(mappings.size())), false);
          }
        }
        case 4 -> {
          if (!mappings.isEmpty()) {
            replace(mappings.get(random.nextInt(mappings.size())));
          }
        }
        case 5 -> copy();
        default -> guest.guest.map(page(), guest.guest.entry(page(), random.nextBoolean()));
      }
      while (mappings.size() > 40) {
        Mapping mapping = mappings.removeFirst();
        putBack(mapping);
        unmap(mapping, true);
      }
    }
    for (Mapping mapping : mappings) {
      putBack(mapping);
      unmap(mapping, true);
    }
    for (int i = 0; i < PAGES; i++) {
      guest.guest.map(FIRST + i, guest.guest.entry(FIRST + i, true));
    }
    for (int i = 0; i < PAGES; i++) {
      long mfn = guest.guest.mfn(FIRST + i);
      assertThat(guest.domain.frames().references(mfn))
          .as("seed %d", seed)
          .isEqualTo(references[i]);
      assertThat(guest.domain.types().count(mfn)).as("seed %d", seed).isEqualTo(1);
    }
    for (int i = 8; i < 16; i++) {
      assertThat(entries.isPinned(i)).as("seed %d", seed).isFalse();
    }
  }

  /** Makes the page-table entry again what the mapping made it, so that it can be unmapped. */
  private void putBack(Mapping mapping) {
    boolean byPlace = (mapping.flags & GrantMappings.CONTAINS_PTE) != 0;
    long pfn =
        byPlace
            ? (mapping.address - guest.guest.maddr(TestGuest.L1)) / 8
            : mapping.address - TestGuest.BASE >>> 12;
    boolean writable = (mapping.flags & GrantMappings.READ_ONLY) == 0;
    guest.guest.map(
        (int) pfn, mapping.bus | Pte.PRESENT | Pte.USER | (writable ? Pte.WRITABLE : 0));
  }
}
