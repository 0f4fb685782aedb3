package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.host.NativeMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GrantTableTest {
  private static final int MAP = 0;
  private static final int UNMAP = 1;
  private static final int SETUP = 2;
  private static final int TRANSFER = 4;
  private static final int COPY = 5;
  private static final int QUERY = 6;
  private static final int REPLACE = 7;
  private static final int SET_VERSION = 8;
  private static final int STATUS_FRAMES = 9;
  private static final int GET_VERSION = 10;
  private static final int SWAP = 11;
  private static final int CACHE_FLUSH = 12;

  private static final int HOST = GrantMappings.HOST_MAP;
  private static final int DEVICE = GrantMappings.DEVICE_MAP;
  private static final int READ_ONLY = GrantMappings.READ_ONLY;
  private static final int SELF = TestGuest.DOMID;

  /** A page of the guest's that is granted, and one whose mapping grants replace. */
  private static final int GRANTED = 20;

  private static final int WINDOW = 21;
  private static final int OTHER = 22;

  private final ServiceGuest guest = new ServiceGuest();
  private final NativeMemory ram = guest.ram;
  private final long arguments = guest.buffer;
  private final GrantEntries entries = guest.domain.grantTable().entries();

  private long call(int command, int count) {
    return guest.call(HypercallNumber.GRANT_TABLE_OP, command, ServiceGuest.BUFFER, count);
  }

  private int status(int offset) {
    return (short) ram.getShort(arguments + offset);
  }

  /** Makes a grant, of version 1 or 2. */
  private void grant(int reference, int flags, int domid, long frame) {
    long entry = entries.address(reference);
    ram.putShort(entry + 2, domid);
    if (entries.version() == 1) {
      ram.putInt(entry + 4, (int) frame);
    } else {
      ram.putLong(entry + 8, frame);
    }
    ram.putShort(entry, flags);
  }

  private void grantPage(int reference) {
    grant(reference, GrantEntries.PERMIT_ACCESS, SELF, guest.guest.mfn(GRANTED));
  }

  private int map(long address, int flags, int reference, int domid) {
    ram.putLong(arguments, address);
    ram.putInt(arguments + 8, flags);
    ram.putInt(arguments + 12, reference);
    ram.putShort(arguments + 16, domid);
    ram.putShort(arguments + 18, 77);
    assertThat(call(MAP, 1)).isZero();
    return status(18);
  }

  private int handle() {
    return ram.getInt(arguments + 20);
  }

  private int unmap(long address, long bus, int handle) {
    ram.putLong(arguments, address);
    ram.putLong(arguments + 8, bus);
    ram.putInt(arguments + 16, handle);
    ram.putShort(arguments + 20, 77);
    assertThat(call(UNMAP, 1)).isZero();
    return status(20);
  }

  private int references(int pfn) {
    return guest.domain.frames().references(guest.guest.mfn(pfn));
  }

  private int uses(int pfn) {
    return guest.domain.types().count(guest.guest.mfn(pfn));
  }

  private static long gva(int pfn) {
    return TestGuest.gva(pfn);
  }

  private long l1Entry(int pfn) {
    return guest.guest.get(TestGuest.L1, pfn);
  }

  // The table.

  private long setup(int domid, int pages, long list) {
    ram.putShort(arguments, domid);
    ram.putInt(arguments + 4, pages);
    ram.putShort(arguments + 8, 77);
    ram.putLong(arguments + 16, list);
    return call(SETUP, 1);
  }

  @Test
  void theTableGrowsAndItsFramesCanBeMapped() {
    long list = ServiceGuest.BUFFER + 256;
    assertThat(setup(Layout.DOMID_SELF, 4, list)).isZero();
    assertThat(status(8)).isZero();
    for (int i = 0; i < 4; i++) {
      long mfn = ram.getLong(arguments + 256 + 8 * i);
      assertThat(mfn).isEqualTo(entries.frame(i)).isPositive();
      guest.guest.map(OTHER, mfn << 12 | Pte.PRESENT | Pte.USER | Pte.WRITABLE);
    }
    assertThat(ram.getLong(arguments + 256 + 32)).isZero();

    ram.putShort(arguments, SELF);
    assertThat(call(QUERY, 1)).isZero();
    assertThat(ram.getInt(arguments + 4)).isEqualTo(4);
    assertThat(ram.getInt(arguments + 8)).isEqualTo(64);
    assertThat(status(12)).isZero();
    assertThat(entries.count()).isEqualTo(4 * 512);

    assertThat(setup(SELF, 64, list)).isZero();
    assertThat(status(8)).isZero();
    assertThat(setup(SELF, 0, list)).isZero();
    assertThat(entries.frameCount()).isEqualTo(64);
  }

  @Test
  void errorsOfTheTable() {
    long list = ServiceGuest.BUFFER + 256;
    setup(Layout.DOMID_SELF, 65, list);
    assertThat(status(8)).isEqualTo(GrantStatus.GENERAL_ERROR);
    setup(Layout.DOMID_SELF, -1, list);
    assertThat(status(8)).isEqualTo(GrantStatus.GENERAL_ERROR);
    setup(0, 1, list);
    assertThat(status(8)).isEqualTo(GrantStatus.PERMISSION_DENIED);
    setup(99, 1, list);
    assertThat(status(8)).isEqualTo(GrantStatus.BAD_DOMAIN);
    setup(Layout.DOMID_SELF, 1, ServiceGuest.NOWHERE);
    assertThat(status(8)).isEqualTo(GrantStatus.BAD_VIRT_ADDR);
    assertThat(setup(Layout.DOMID_SELF, 1, Layout.HYPERVISOR_START)).isEqualTo(-Errno.EFAULT);
    assertThat(call(SETUP, 0)).isEqualTo(-Errno.EINVAL);
    assertThat(call(SETUP, 2)).isEqualTo(-Errno.EINVAL);
    assertThat(call(QUERY, 2)).isEqualTo(-Errno.EINVAL);
    ram.putShort(arguments, 0);
    call(QUERY, 1);
    assertThat(status(12)).isEqualTo(GrantStatus.PERMISSION_DENIED);
    ram.putShort(arguments, 99);
    call(QUERY, 1);
    assertThat(status(12)).isEqualTo(GrantStatus.BAD_DOMAIN);
  }

  @Test
  void commandsThatAreNone() {
    for (int command : new int[] {3, 13, 100}) {
      assertThat(call(command, 1)).isEqualTo(-Errno.ENOSYS);
    }
    assertThat(call(MAP, -1)).isEqualTo(-Errno.EINVAL);
    assertThat(call(MAP | 1 << 12, 1)).isEqualTo(-Errno.EINVAL);
    for (int command : new int[] {MAP, UNMAP, TRANSFER, COPY, REPLACE, SWAP, CACHE_FLUSH}) {
      assertThat(call(command, 0)).isZero();
      assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, command, Layout.HYPERVISOR_START, 1))
          .isEqualTo(-Errno.EFAULT);
      assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, command, ServiceGuest.NOWHERE - 4, 1))
          .isEqualTo(-Errno.EFAULT);
    }
  }

  // Mappings.

  @Test
  void aGrantOfItsOwnIsMappedAndUnmapped() {
    grantPage(8);
    int before = references(GRANTED);
    int replaced = references(WINDOW);
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isZero();
    assertThat(ram.getLong(arguments + 24)).isEqualTo(guest.guest.maddr(GRANTED));
    assertThat(Pte.mfn(l1Entry(WINDOW))).isEqualTo(guest.guest.mfn(GRANTED));
    assertThat(Pte.isWritable(l1Entry(WINDOW))).isTrue();
    assertThat(l1Entry(WINDOW) & Pte.NO_EXECUTE).isNotZero();
    assertThat(guest.cpu.translate(gva(WINDOW), true)).isEqualTo(guest.guest.maddr(GRANTED));
    assertThat(entries.flags(8)).isEqualTo(0x19);
    assertThat(references(GRANTED)).isEqualTo(before + 1);
    assertThat(references(WINDOW)).isEqualTo(replaced - 1);
    assertThat(guest.cpu.calls).contains("flush");

    guest.cpu.calls.clear();
    assertThat(unmap(gva(WINDOW), 0, handle())).isZero();
    assertThat(l1Entry(WINDOW)).isZero();
    assertThat(entries.flags(8)).isEqualTo(1);
    assertThat(references(GRANTED)).isEqualTo(before);
    assertThat(guest.cpu.calls).contains("flush");
    assertThat(unmap(gva(WINDOW), 0, 0)).isEqualTo(GrantStatus.BAD_HANDLE);
  }

  @Test
  void readOnlyMappings() {
    grant(8, GrantEntries.PERMIT_ACCESS | GrantEntries.READ_ONLY, SELF, guest.guest.mfn(GRANTED));
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(entries.flags(8)).isEqualTo(5);
    assertThat(map(gva(WINDOW), HOST | READ_ONLY, 8, SELF)).isZero();
    assertThat(Pte.isWritable(l1Entry(WINDOW))).isFalse();
    assertThat(entries.flags(8)).isEqualTo(0xd);
    assertThat(map(gva(OTHER), HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(unmap(gva(WINDOW), 0, 0)).isZero();
    assertThat(entries.flags(8)).isEqualTo(5);
  }

  @Test
  void severalMappingsOfOneGrant() {
    grantPage(8);
    assertThat(map(gva(WINDOW), HOST | READ_ONLY, 8, SELF)).isZero();
    int first = handle();
    assertThat(entries.flags(8)).isEqualTo(9);
    assertThat(map(gva(OTHER), HOST, 8, SELF)).isZero();
    int second = handle();
    assertThat(second).isNotEqualTo(first);
    assertThat(entries.flags(8)).isEqualTo(0x19);
    assertThat(unmap(gva(OTHER), 0, second)).isZero();
    assertThat(entries.flags(8)).isEqualTo(9);
    assertThat(unmap(gva(WINDOW), 0, first)).isZero();
    assertThat(entries.flags(8)).isEqualTo(1);
    grantPage(9);
    assertThat(map(gva(OTHER), HOST, 9, SELF)).isZero();
    assertThat(handle()).isIn(first, second);
  }

  @Test
  void mappingsForDevicesAreReferences() {
    grantPage(8);
    int references = references(GRANTED);
    int uses = uses(GRANTED);
    assertThat(map(0, DEVICE, 8, SELF)).isZero();
    long bus = ram.getLong(arguments + 24);
    int handle = handle();
    assertThat(references(GRANTED)).isEqualTo(references + 1);
    assertThat(uses(GRANTED)).isEqualTo(uses + 1);
    assertThat(unmap(0, bus + 4096, handle)).isEqualTo(GrantStatus.BAD_DEV_ADDR);
    assertThat(unmap(gva(WINDOW), 0, handle)).isZero();
    assertThat(references(GRANTED)).isEqualTo(references + 1);
    assertThat(unmap(0, bus, handle)).isZero();
    assertThat(references(GRANTED)).isEqualTo(references);
    assertThat(uses(GRANTED)).isEqualTo(uses);
    assertThat(unmap(0, bus, handle)).isEqualTo(GrantStatus.BAD_HANDLE);

    assertThat(map(gva(WINDOW), DEVICE | HOST | READ_ONLY, 8, SELF)).isZero();
    handle = handle();
    assertThat(references(GRANTED)).isEqualTo(references + 2);
    assertThat(unmap(gva(WINDOW), 0, handle)).isZero();
    assertThat(references(GRANTED)).isEqualTo(references + 1);
    assertThat(unmap(0, bus, handle)).isZero();
    assertThat(references(GRANTED)).isEqualTo(references);
    assertThat(entries.flags(8)).isEqualTo(1);
  }

  @Test
  void aMappingByThePlaceOfItsEntry() {
    grantPage(8);
    long entry = guest.guest.maddr(TestGuest.L1) + 8 * WINDOW;
    int flags = HOST | GrantMappings.CONTAINS_PTE | 5 << 16 | GrantMappings.APPLICATION_MAP;
    assertThat(map(entry + 2, flags, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(map(guest.guest.maddr(GRANTED), flags, 8, SELF))
        .isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(map(-8, flags, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(map(0x1000, flags, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(entries.flags(8)).isEqualTo(1);

    assertThat(map(entry, flags, 8, SELF)).isZero();
    assertThat(l1Entry(WINDOW) & 0xe00).isEqualTo(5 << 9);
    int handle = handle();
    assertThat(unmap(gva(WINDOW), 0, handle)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(unmap(entry, 0, handle)).isZero();
    assertThat(l1Entry(WINDOW)).isZero();
  }

  @Test
  void grantsThatAreNone() {
    assertThat(map(gva(WINDOW), READ_ONLY, 8, SELF)).isEqualTo(GrantStatus.BAD_GNTREF);
    assertThat(map(gva(WINDOW), HOST, 8, Layout.DOMID_SELF)).isEqualTo(GrantStatus.BAD_DOMAIN);
    assertThat(map(gva(WINDOW), HOST, 8, 99)).isEqualTo(GrantStatus.BAD_DOMAIN);
    assertThat(map(gva(WINDOW), HOST, 8, 0)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(map(gva(WINDOW), HOST, 512, 0)).isEqualTo(GrantStatus.BAD_GNTREF);
    assertThat(map(gva(WINDOW), HOST, 512, SELF)).isEqualTo(GrantStatus.BAD_GNTREF);
    assertThat(map(gva(WINDOW), HOST, -1, SELF)).isEqualTo(GrantStatus.BAD_GNTREF);
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    grant(8, GrantEntries.PERMIT_ACCESS, 0, guest.guest.mfn(GRANTED));
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    grant(8, GrantEntries.PERMIT_ACCESS | GrantEntries.SUB_PAGE, SELF, guest.guest.mfn(GRANTED));
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    for (long frame : new long[] {1, 0xffff_ffffL, ram.size() >>> 12}) {
      grant(8, GrantEntries.PERMIT_ACCESS, SELF, frame);
      assertThat(map(gva(WINDOW), HOST, 8, SELF)).isEqualTo(GrantStatus.BAD_PAGE);
      assertThat(entries.flags(8)).isEqualTo(1);
    }
    assertThat(entries.isPinned(8)).isFalse();
  }

  @Test
  void aPageTableIsMappedReadOnlyOrNotAtAll() {
    grant(8, GrantEntries.PERMIT_ACCESS, SELF, guest.guest.mfn(TestGuest.L1));
    long before = l1Entry(WINDOW);
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(map(0, DEVICE, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(l1Entry(WINDOW)).isEqualTo(before);
    assertThat(entries.flags(8)).isEqualTo(1);
    assertThat(map(gva(WINDOW), HOST | READ_ONLY, 8, SELF)).isZero();
    assertThat(unmap(gva(WINDOW), 0, handle())).isZero();
  }

  @Test
  void addressesWithoutAnEntry() {
    grantPage(8);
    for (long address : new long[] {0, 0x1000, Layout.HYPERVISOR_START, 1L << 47, gva(600)}) {
      assertThat(map(address, HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    }
    assertThat(entries.isPinned(8)).isFalse();
  }

  @Test
  void aMappingThatTheGuestHasChangedIsNotUnmapped() {
    grantPage(8);
    int before = references(GRANTED);
    map(gva(WINDOW), HOST, 8, SELF);
    int handle = handle();
    guest.guest.map(WINDOW, guest.guest.entry(OTHER, true));
    assertThat(references(GRANTED)).isEqualTo(before);
    assertThat(unmap(gva(WINDOW), 0, handle)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(Pte.mfn(l1Entry(WINDOW))).isEqualTo(guest.guest.mfn(OTHER));
    guest.guest.map(WINDOW, guest.guest.entry(GRANTED, false));
    assertThat(unmap(gva(WINDOW), 0, handle)).isEqualTo(GrantStatus.GENERAL_ERROR);
    guest.guest.map(WINDOW, guest.guest.entry(GRANTED, true));
    assertThat(unmap(gva(WINDOW), 0, handle)).isZero();
    assertThat(references(GRANTED)).isEqualTo(before);
  }

  @Test
  void handlesThatAreNone() {
    for (int handle : new int[] {0, 1, -1, Integer.MAX_VALUE}) {
      assertThat(unmap(gva(WINDOW), 0, handle)).isEqualTo(GrantStatus.BAD_HANDLE);
    }
  }

  @Test
  void anEntryIsMappedOnlySoOften() {
    grantPage(8);
    for (int i = 0; i < 128; i++) {
      assertThat(map(0, DEVICE | READ_ONLY, 8, SELF)).isZero();
    }
    assertThat(map(0, DEVICE | READ_ONLY, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
  }

  private int replace(long address, long by, int handle) {
    ram.putLong(arguments, address);
    ram.putLong(arguments + 8, by);
    ram.putInt(arguments + 16, handle);
    assertThat(call(REPLACE, 1)).isZero();
    return status(20);
  }

  @Test
  void aMappingIsReplacedByAnotherPage() {
    grantPage(8);
    map(gva(WINDOW), HOST, 8, SELF);
    int handle = handle();
    int moved = references(OTHER);
    int granted = references(GRANTED);
    assertThat(replace(gva(WINDOW), gva(OTHER), handle)).isZero();
    assertThat(Pte.mfn(l1Entry(WINDOW))).isEqualTo(guest.guest.mfn(OTHER));
    assertThat(l1Entry(OTHER)).isZero();
    assertThat(references(OTHER)).isEqualTo(moved);
    assertThat(references(GRANTED)).isEqualTo(granted - 1);

    map(gva(OTHER), HOST, 8, SELF);
    assertThat(replace(gva(OTHER), 0, handle())).isZero();
    assertThat(l1Entry(OTHER)).isZero();
    assertThat(replace(gva(OTHER), 0, 0)).isEqualTo(GrantStatus.BAD_HANDLE);
  }

  @Test
  void aReplacementThatFailsUnmapsTheOther() {
    grantPage(8);
    map(gva(WINDOW), HOST, 8, SELF);
    assertThat(replace(gva(WINDOW), 0x1000, handle())).isEqualTo(GrantStatus.GENERAL_ERROR);
    int moved = references(OTHER);
    int handle = ram.getInt(arguments + 16);
    assertThat(replace(gva(23), gva(OTHER), handle)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(references(OTHER)).isEqualTo(moved - 1);
    assertThat(l1Entry(OTHER)).isZero();
    assertThat(unmap(gva(WINDOW), 0, handle)).isZero();
  }

  @Test
  void batchesStopAtWhatCantBeRead() {
    grantPage(8);
    int size = ServiceGuest.SIZE;
    long last = guest.buffer + size - 32;
    ram.putLong(last, gva(WINDOW));
    ram.putInt(last + 8, HOST);
    ram.putInt(last + 12, 8);
    ram.putShort(last + 16, SELF);
    ram.putShort(last + 18, 77);
    assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, MAP, ServiceGuest.BUFFER + size - 32, 2))
        .isEqualTo(-Errno.EFAULT);
    assertThat(ram.getShort(last + 18)).isZero();
    assertThat(Pte.mfn(l1Entry(WINDOW))).isEqualTo(guest.guest.mfn(GRANTED));

    guest.cpu.calls.clear();
    long unmap = guest.buffer + size - 24;
    int handle = ram.getInt(last + 20);
    ram.putLong(unmap, gva(WINDOW));
    ram.putLong(unmap + 8, 0);
    ram.putInt(unmap + 16, handle);
    assertThat(
            guest.call(HypercallNumber.GRANT_TABLE_OP, UNMAP, ServiceGuest.BUFFER + size - 24, 2))
        .isEqualTo(-Errno.EFAULT);
    assertThat(l1Entry(WINDOW)).isZero();
    assertThat(guest.cpu.calls).contains("flush");
  }

  // Copies.

  private int copy(long source, int from, long dest, int to, int length, int flags) {
    return copy(source, Layout.DOMID_SELF, from, dest, Layout.DOMID_SELF, to, length, flags);
  }

  private int copy(
      long source,
      int sourceDomain,
      int from,
      long dest,
      int destDomain,
      int to,
      int length,
      int flags) {
    ram.putLong(arguments, source);
    ram.putShort(arguments + 8, sourceDomain);
    ram.putShort(arguments + 10, from);
    ram.putLong(arguments + 16, dest);
    ram.putShort(arguments + 24, destDomain);
    ram.putShort(arguments + 26, to);
    ram.putShort(arguments + 32, length);
    ram.putShort(arguments + 34, flags);
    ram.putShort(arguments + 36, 77);
    assertThat(call(COPY, 1)).isZero();
    return status(36);
  }

  private void fill(int pfn) {
    for (int i = 0; i < 4096; i++) {
      ram.putByte(guest.guest.maddr(pfn) + i, i * 7 + pfn);
    }
  }

  @Test
  void copiesBetweenFrames() {
    fill(GRANTED);
    long source = guest.guest.mfn(GRANTED);
    long dest = guest.guest.mfn(OTHER);
    assertThat(copy(source, 100, dest, 4000, 96, 0)).isZero();
    assertThat(ram.getByte(guest.guest.maddr(OTHER) + 4000))
        .isEqualTo(ram.getByte(guest.guest.maddr(GRANTED) + 100));
    assertThat(ram.getByte(guest.guest.maddr(OTHER) + 4095))
        .isEqualTo(ram.getByte(guest.guest.maddr(GRANTED) + 195));
    assertThat(ram.getByte(guest.guest.maddr(OTHER) + 3999)).isZero();
    assertThat(guest.cpu.stores).contains(guest.guest.maddr(OTHER) + 4000);
    assertThat(copy(source, 0, dest, 0, 4096, 0)).isZero();
    assertThat(copy(source, 4096, dest, 0, 0, 0)).isZero();
    assertThat(copy(source, 1, dest, 0, 4096, 0)).isEqualTo(GrantStatus.BAD_COPY_ARG);
    assertThat(copy(source, 0, dest, 4000, 97, 0)).isEqualTo(GrantStatus.BAD_COPY_ARG);
    assertThat(copy(source, 0, dest, 0, 65535, 0)).isEqualTo(GrantStatus.BAD_COPY_ARG);
    assertThat(uses(OTHER)).isEqualTo(1);
    assertThat(references(OTHER)).isEqualTo(2);
  }

  @Test
  void copiesByGrants() {
    fill(GRANTED);
    grantPage(8);
    grant(9, GrantEntries.PERMIT_ACCESS, SELF, guest.guest.mfn(OTHER));
    assertThat(copy(8, SELF, 5, 9, Layout.DOMID_SELF, 6, 10, 3)).isZero();
    assertThat(ram.getByte(guest.guest.maddr(OTHER) + 6)).isEqualTo(5 * 7 + GRANTED);
    assertThat(entries.flags(8)).isEqualTo(1);
    assertThat(entries.flags(9)).isEqualTo(1);
    assertThat(entries.isPinned(8)).isFalse();

    ram.putShort(entries.address(9), GrantEntries.PERMIT_ACCESS | GrantEntries.READ_ONLY);
    assertThat(copy(8, 0, 9, 0, 10, 3)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(copy(9, 0, guest.guest.mfn(OTHER), 0, 10, 1)).isZero();
    assertThat(entries.isPinned(8)).isFalse();
    assertThat(entries.flags(8)).isEqualTo(1);
  }

  @Test
  void errorsOfCopies() {
    long own = guest.guest.mfn(GRANTED);
    assertThat(copy(own, SELF, 0, own, Layout.DOMID_SELF, 0, 1, 0))
        .isEqualTo(GrantStatus.PERMISSION_DENIED);
    assertThat(copy(own, Layout.DOMID_SELF, 0, own, 0, 0, 1, 0))
        .isEqualTo(GrantStatus.PERMISSION_DENIED);
    assertThat(copy(8, 99, 0, own, Layout.DOMID_SELF, 0, 1, 1)).isEqualTo(GrantStatus.BAD_DOMAIN);
    assertThat(copy(8, 0, 0, own, Layout.DOMID_SELF, 0, 1, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(copy(600, 0, 0, own, Layout.DOMID_SELF, 0, 1, 1)).isEqualTo(GrantStatus.BAD_GNTREF);
    assertThat(copy(600, SELF, 0, own, Layout.DOMID_SELF, 0, 1, 1))
        .isEqualTo(GrantStatus.BAD_GNTREF);
    assertThat(copy(8, 0, own, 0, 1, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    for (long bad : new long[] {0, 1, ram.size() >>> 12, -1, Long.MIN_VALUE}) {
      assertThat(copy(bad, 0, own, 0, 1, 0)).isEqualTo(GrantStatus.BAD_PAGE);
      assertThat(copy(own, 0, bad, 0, 1, 0)).isEqualTo(GrantStatus.BAD_PAGE);
    }
    assertThat(copy(own, 0, guest.guest.mfn(TestGuest.L1), 0, 1, 0))
        .isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(copy(guest.guest.mfn(TestGuest.L1), 0, own, 0, 8, 0)).isZero();
  }

  // Version 2.

  private long setVersion(int version) {
    ram.putInt(arguments, version);
    return call(SET_VERSION, 1);
  }

  @Test
  void theVersionChanges() {
    ram.putInt(arguments, Layout.DOMID_SELF);
    assertThat(call(GET_VERSION, 1)).isZero();
    assertThat(ram.getInt(arguments + 4)).isEqualTo(1);
    assertThat(setVersion(3)).isEqualTo(-Errno.EINVAL);
    assertThat(ram.getInt(arguments)).isEqualTo(1);
    assertThat(setVersion(0)).isEqualTo(-Errno.EINVAL);
    assertThat(setVersion(1)).isZero();

    grant(1, GrantEntries.PERMIT_ACCESS, 0, 0x1234);
    grant(8, GrantEntries.PERMIT_ACCESS, 0, 0x1234);
    assertThat(setVersion(2)).isZero();
    assertThat(ram.getInt(arguments)).isEqualTo(2);
    assertThat(entries.flags(1)).isEqualTo(1);
    assertThat(entries.entryFrame(1)).isEqualTo(0x1234);
    assertThat(entries.flags(8)).isZero();
    assertThat(entries.count()).isEqualTo(256);
    ram.putInt(arguments, SELF);
    call(GET_VERSION, 1);
    assertThat(ram.getInt(arguments + 4)).isEqualTo(2);

    grant(2, GrantEntries.TRANSITIVE, 0, 0);
    assertThat(setVersion(1)).isEqualTo(-Errno.ERANGE);
    grant(2, GrantEntries.PERMIT_ACCESS, 0, 1L << 32);
    assertThat(setVersion(1)).isEqualTo(-Errno.ERANGE);
    grant(2, GrantEntries.ACCEPT_TRANSFER, 0, 5);
    assertThat(setVersion(1)).isZero();
    assertThat(entries.flags(1)).isEqualTo(1);
    assertThat(entries.entryFrame(1)).isEqualTo(0x1234);
    assertThat(entries.flags(2)).isZero();

    ram.putInt(arguments, 0);
    assertThat(call(GET_VERSION, 1)).isEqualTo(-Errno.EPERM);
    ram.putInt(arguments, 99);
    assertThat(call(GET_VERSION, 1)).isEqualTo(-Errno.ESRCH);
  }

  /** XSA-255: the status pages of version 2 may go only when the guest has them mapped no more. */
  @Test
  void theVersionStaysWhileAStatusPageIsMapped() {
    assertThat(setVersion(2)).isZero();
    long entry = entries.statusFrame(0) << 12 | Pte.PRESENT;
    guest.guest.map(WINDOW, entry);
    assertThat(setVersion(1)).isEqualTo(-Errno.EBUSY);
    assertThat(ram.getInt(arguments)).isEqualTo(2);
    assertThat(entries.version()).isEqualTo(2);
    guest.guest.unmap(WINDOW);
    assertThat(setVersion(1)).isZero();
  }

  @Test
  void theVersionStaysWhileGrantsAreInUse() {
    grantPage(8);
    map(gva(WINDOW), HOST, 8, SELF);
    int handle = handle();
    assertThat(setVersion(2)).isEqualTo(-Errno.EBUSY);
    unmap(gva(WINDOW), 0, handle);
    assertThat(setVersion(2)).isZero();

    grantPage(3);
    map(gva(WINDOW), HOST, 3, SELF);
    handle = handle();
    assertThat(setVersion(1)).isZero();
    assertThat(entries.flags(3)).isEqualTo(0x19);
    assertThat(unmap(gva(WINDOW), 0, handle)).isZero();
    assertThat(entries.flags(3)).isEqualTo(1);
  }

  private int statusFrames(int domid, int pages, long list) {
    ram.putInt(arguments, pages);
    ram.putShort(arguments + 4, domid);
    ram.putShort(arguments + 6, 77);
    ram.putLong(arguments + 8, list);
    assertThat(call(STATUS_FRAMES, 1)).isZero();
    return status(6);
  }

  @Test
  void version2HasItsStatusApart() {
    long list = ServiceGuest.BUFFER + 256;
    assertThat(statusFrames(SELF, 1, list)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(statusFrames(SELF, 0, list)).isZero();
    setVersion(2);
    assertThat(statusFrames(SELF, 1, list)).isZero();
    long statuses = ram.getLong(arguments + 256) << 12;
    assertThat(statusFrames(SELF, 2, list)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(statusFrames(0, 1, list)).isEqualTo(GrantStatus.PERMISSION_DENIED);
    assertThat(statusFrames(99, 1, list)).isEqualTo(GrantStatus.BAD_DOMAIN);
    assertThat(statusFrames(SELF, 1, ServiceGuest.NOWHERE)).isEqualTo(GrantStatus.BAD_VIRT_ADDR);
    assertThat(call(STATUS_FRAMES, 2)).isEqualTo(-Errno.EINVAL);

    grantPage(8);
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isZero();
    assertThat(entries.flags(8)).isEqualTo(1);
    assertThat(ram.getShort(statuses + 16)).isEqualTo(0x18);
    assertThat(unmap(gva(WINDOW), 0, handle())).isZero();
    assertThat(ram.getShort(statuses + 16)).isZero();

    setup(SELF, 64, ServiceGuest.BUFFER + 512);
    assertThat(entries.statusCount()).isEqualTo(8);
    assertThat(entries.count()).isEqualTo(64 * 256);
  }

  @Test
  void partsOfPages() {
    setVersion(2);
    grant(8, GrantEntries.PERMIT_ACCESS | GrantEntries.SUB_PAGE, SELF, guest.guest.mfn(GRANTED));
    ram.putShort(entries.address(8) + 4, 100);
    ram.putShort(entries.address(8) + 6, 50);
    long dest = guest.guest.mfn(OTHER);
    assertThat(copy(8, 100, dest, 0, 50, 1)).isZero();
    assertThat(copy(8, 99, dest, 0, 10, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(copy(8, 101, dest, 0, 50, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(map(gva(WINDOW), HOST, 8, SELF)).isEqualTo(GrantStatus.GENERAL_ERROR);
    grant(8, GrantEntries.TRANSITIVE, SELF, 0);
    assertThat(copy(8, 0, dest, 0, 10, 1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    grant(8, GrantEntries.PERMIT_ACCESS, SELF, 1L << 40);
    assertThat(copy(8, 0, dest, 0, 10, 1)).isEqualTo(GrantStatus.BAD_PAGE);
  }

  // The rest.

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void entriesAreSwapped(int version) {
    setVersion(version);
    grantPage(8);
    grant(9, GrantEntries.ACCEPT_TRANSFER, 0, 5);
    ram.putInt(arguments, 8);
    ram.putInt(arguments + 4, 9);
    assertThat(call(SWAP, 1)).isZero();
    assertThat(status(8)).isZero();
    assertThat(entries.flags(9)).isEqualTo(1);
    assertThat(entries.entryFrame(9)).isEqualTo(guest.guest.mfn(GRANTED));
    assertThat(entries.flags(8)).isEqualTo(2);

    map(gva(WINDOW), HOST, 9, SELF);
    ram.putInt(arguments, 8);
    ram.putInt(arguments + 4, 9);
    call(SWAP, 1);
    assertThat(status(8)).isEqualTo(GrantStatus.EAGAIN);
    ram.putInt(arguments, 9);
    call(SWAP, 1);
    assertThat(status(8)).isZero();
    ram.putInt(arguments + 4, entries.count());
    call(SWAP, 1);
    assertThat(status(8)).isEqualTo(GrantStatus.BAD_GNTREF);
  }

  private long flush(long maddr, int offset, int length, int what) {
    ram.putLong(arguments, maddr);
    ram.putShort(arguments + 8, offset);
    ram.putShort(arguments + 10, length);
    ram.putInt(arguments + 12, what);
    return call(CACHE_FLUSH, 1);
  }

  @Test
  void cachesAreFlushed() {
    long own = guest.guest.maddr(GRANTED);
    assertThat(flush(own, 0, 4096, 1)).isZero();
    assertThat(flush(own, 0, 64, 3)).isZero();
    assertThat(flush(own, 0, 64, 2)).isEqualTo(-Errno.EOPNOTSUPP);
    assertThat(flush(own, 4000, 97, 1)).isEqualTo(-Errno.EINVAL);
    assertThat(flush(own, 4096, 0, 1)).isEqualTo(-Errno.EINVAL);
    assertThat(flush(own, 0, 64, 4)).isEqualTo(-Errno.EINVAL);
    assertThat(flush(own, 0, 64, 1 << 31)).isEqualTo(-Errno.EINVAL);
    assertThat(flush(0x1000, 0, 64, 1)).isEqualTo(-Errno.EPERM);
    assertThat(flush(ram.size(), 0, 64, 1)).isEqualTo(-Errno.EINVAL);
    assertThat(flush(-4096, 0, 64, 1)).isEqualTo(-Errno.EINVAL);
    assertThat(flush(-4096, 0, 0, 1)).isZero();
    assertThat(flush(-4096, 0, 64, 0)).isZero();
    assertThat(call(CACHE_FLUSH | 1 << 12, 1)).isEqualTo(-84);
  }

  private int transfer(long mfn, int domid, int reference) {
    ram.putLong(arguments, mfn);
    ram.putShort(arguments + 8, domid);
    ram.putInt(arguments + 12, reference);
    ram.putShort(arguments + 16, 77);
    assertThat(call(TRANSFER, 1)).isZero();
    return status(16);
  }

  @Test
  void aPageIsTransferredToItself() {
    int pfn = 700;
    long mfn = guest.guest.mfn(pfn);
    long pages = guest.domain.frames().allocated();
    grant(8, GrantEntries.ACCEPT_TRANSFER, SELF, 0x77);
    assertThat(transfer(mfn, SELF, 8)).isZero();
    assertThat(entries.flags(8)).isEqualTo(0xe);
    assertThat(entries.entryFrame(8)).isEqualTo(mfn);
    assertThat(guest.domain.m2p().get(mfn)).isEqualTo(0x77);
    assertThat(guest.domain.frames().allocated()).isEqualTo(pages);
    assertThat(guest.domain.frames().isDomains(mfn)).isTrue();
  }

  @Test
  void aPageThatNoOneTakesIsGone() {
    long pages = guest.domain.frames().allocated();
    assertThat(transfer(guest.guest.mfn(700), 99, 8)).isEqualTo(GrantStatus.BAD_DOMAIN);
    assertThat(transfer(guest.guest.mfn(701), 0, 8)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(transfer(guest.guest.mfn(702), SELF, 8)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(transfer(guest.guest.mfn(703), SELF, -1)).isEqualTo(GrantStatus.GENERAL_ERROR);
    assertThat(guest.domain.frames().allocated()).isEqualTo(pages - 4);
    assertThat(guest.domain.frames().isDomains(guest.guest.mfn(700))).isFalse();
  }

  @Test
  void aPageInUseIsNotTransferred() {
    long pages = guest.domain.frames().allocated();
    grant(8, GrantEntries.ACCEPT_TRANSFER, SELF, 0);
    assertThat(transfer(guest.guest.mfn(GRANTED), SELF, 8)).isEqualTo(GrantStatus.BAD_PAGE);
    for (long bad : new long[] {0, 1, -1, ram.size() >>> 12, entries.frame(0)}) {
      assertThat(transfer(bad, SELF, 8)).isEqualTo(GrantStatus.BAD_PAGE);
    }
    assertThat(guest.domain.frames().allocated()).isEqualTo(pages);
  }
}
