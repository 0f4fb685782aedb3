package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * A domain's grants: the entries in pages that it shares with Xen, of version 1 or 2, and what Xen knows of those that are in
 * use. Source: {@code public/grant_table.h}, {@code common/grant_table.c} of Xen 4.17.
 *
 * <p>Domain 0 and the domain itself are all that there are. The domain may use its own grants; domain 0, whose VMM has other
 * ways to the domain's pages, uses none.
 */
final class GrantEntries {
  /** The most pages of entries. */
  static final int MAX_FRAMES = 64;

  /** Entries that stay when the version changes: the tools' own. */
  static final int RESERVED = 8;

  // Flags of an entry.
  static final int TYPE_MASK = 3;
  static final int INVALID = 0;
  static final int PERMIT_ACCESS = 1;
  static final int ACCEPT_TRANSFER = 2;
  static final int TRANSITIVE = 3;
  static final int READ_ONLY = 1 << 2;
  static final int READING = 1 << 3;
  static final int WRITING = 1 << 4;
  static final int SUB_PAGE = 1 << 8;
  static final int TRANSFER_COMMITTED = 1 << 2;
  static final int TRANSFER_COMPLETED = 1 << 3;

  private static final int PAGE = 4096;
  private static final int STATUS_SIZE = 2;

  /** How often an entry can be in use in the same way. */
  private static final int MAX_PINS = 128;

  /** In what way an entry is used: to read or to write, by the processor or by a device. */
  enum Pin {
    READ,
    WRITE,
    DEVICE_READ,
    DEVICE_WRITE
  }

  /** An entry that is in use: what it granted when its use began. */
  static final class Active {
    private final int[] pins = new int[Pin.values().length];
    private final long mfn;
    private final int start;
    private final int length;
    private final boolean subPage;

    private Active(long mfn, int start, int length, boolean subPage) {
      this.mfn = mfn;
      this.start = start;
      this.length = length;
      this.subPage = subPage;
    }

    /** The frame. */
    long mfn() {
      return mfn;
    }

    /** The first byte of the page that is granted. */
    int start() {
      return start;
    }

    /** How many bytes are granted. */
    int length() {
      return length;
    }

    private boolean isPinned() {
      return pins[0] + pins[1] + pins[2] + pins[3] != 0;
    }

    private boolean isWritten() {
      return pins[Pin.WRITE.ordinal()] + pins[Pin.DEVICE_WRITE.ordinal()] != 0;
    }
  }

  private final Domain domain;
  private final NativeMemory raw;
  private final long[] frames = new long[MAX_FRAMES];
  private final long[] statusFrames = new long[MAX_FRAMES * PAGE / 16 * STATUS_SIZE / PAGE];
  private final Map<Integer, Active> active = new HashMap<>();
  private int frameCount;
  private int statusCount;
  private int version = 1;

  GrantEntries(Domain domain) {
    this.domain = domain;
    this.raw = domain.raw();
    Arrays.fill(statusFrames, -1);
    grow(1);
  }

  /** How many pages of entries there are. */
  int frameCount() {
    return frameCount;
  }

  /** A page of entries. */
  long frame(int index) {
    return frames[index];
  }

  /** How many pages of status there are: none in version 1. */
  int statusCount() {
    return version == 1 ? 0 : statusCount;
  }

  /** A page of status. */
  long statusFrame(int index) {
    return statusFrames[index];
  }

  int version() {
    return version;
  }

  /** How many entries there are. */
  int count() {
    return frameCount * PAGE / entrySize();
  }

  private int entrySize() {
    return version == 1 ? 8 : 16;
  }

  /** Makes the table at least {@code count} pages large. */
  void grow(int count) {
    while (frameCount < count) {
      frames[frameCount++] = newFrame();
    }
    if (version == 2) {
      growStatus();
    }
  }

  private void growStatus() {
    int needed = (frameCount * PAGE / 16 * STATUS_SIZE + PAGE - 1) / PAGE;
    while (statusCount < needed) {
      if (statusFrames[statusCount] < 0) {
        statusFrames[statusCount] = newFrame();
      }
      statusCount++;
    }
  }

  private long newFrame() {
    long mfn = domain.heap().allocate(1);
    domain.frames().share(mfn, true);
    return mfn;
  }

  /** The machine address of an entry; the reference is below {@link #count}. */
  long address(int reference) {
    int at = reference * entrySize();
    return (frames[at / PAGE] << 12) + at % PAGE;
  }

  /** The machine address of an entry's status: in version 1 its flags. */
  private long status(int reference) {
    if (version == 1) {
      return address(reference);
    }
    int at = reference * STATUS_SIZE;
    return (statusFrames[at / PAGE] << 12) + at % PAGE;
  }

  /** The flags that the guest has set, in version 1 with those of Xen. */
  int flags(int reference) {
    return raw.getShort(address(reference));
  }

  /** The domain that an entry grants something to. */
  int grantee(int reference) {
    return raw.getShort(address(reference) + 2);
  }

  /** The frame in an entry of a whole page. */
  long entryFrame(int reference) {
    return version == 1
        ? Integer.toUnsignedLong(raw.getInt(address(reference) + 4))
        : raw.getLong(address(reference) + 8);
  }

  /** Stores the frame in an entry. */
  void entryFrame(int reference, long mfn) {
    if (version == 1) {
      raw.putInt(address(reference) + 4, (int) mfn);
    } else {
      raw.putLong(address(reference) + 8, mfn);
    }
  }

  void flags(int reference, int flags) {
    raw.putShort(address(reference), flags);
  }

  /** Grants domain 0 a page, as the tools do at the start for the rings. */
  void seed(int reference, long mfn) {
    raw.putShort(address(reference) + 2, 0);
    entryFrame(reference, mfn);
    flags(reference, PERMIT_ACCESS);
  }

  // Use.

  /** Whether an entry is in use. */
  boolean isPinned(int reference) {
    return active.containsKey(reference);
  }

  /** What an entry in use granted. */
  Active active(int reference) {
    return active.get(reference);
  }

  /**
   * Begins one use, or two, of an entry by the domain itself.
   *
   * @param reference below {@link #count}
   * @param map whether to map it: only a whole page can be
   * @param first in what way
   * @param second in what way too; the same as {@code first} for none
   * @return a {@link GrantStatus}
   */
  int pin(int reference, boolean map, Pin first, Pin second) {
    Active used = active.get(reference);
    boolean writes = first == Pin.WRITE || first == Pin.DEVICE_WRITE;
    if (used != null) {
      boolean full =
          used.pins[first.ordinal()] >= MAX_PINS || used.pins[second.ordinal()] >= MAX_PINS;
      if (full || map && used.subPage) {
        return GrantStatus.GENERAL_ERROR;
      }
    }
    if (used == null || writes && !used.isWritten()) {
      int result = use(reference, map, writes, used == null);
      if (result != GrantStatus.OKAY) {
        return result;
      }
      if (used == null) {
        used = activate(reference, map);
        if (!domain.frames().isDomains(used.mfn)) {
          reduceStatus(reference, used, writes);
          return GrantStatus.BAD_PAGE;
        }
        active.put(reference, used);
      }
    }
    used.pins[first.ordinal()]++;
    if (second != first) {
      used.pins[second.ordinal()]++;
    }
    return GrantStatus.OKAY;
  }

  /** Checks what an entry grants, and shows the guest that it is in use. */
  private int use(int reference, boolean map, boolean writes, boolean isNew) {
    int flags = flags(reference);
    int mask = map ? TYPE_MASK | SUB_PAGE : TYPE_MASK;
    if (isNew && ((flags & mask) != PERMIT_ACCESS || grantee(reference) != domain.domid())) {
      return GrantStatus.GENERAL_ERROR;
    }
    long status = status(reference);
    if (writes && (flags & READ_ONLY) != 0) {
      return GrantStatus.GENERAL_ERROR;
    }
    raw.putShort(status, raw.getShort(status) | (writes ? READING | WRITING : READING));
    return GrantStatus.OKAY;
  }

  private Active activate(int reference, boolean map) {
    boolean sub = version == 2 && !map && (flags(reference) & SUB_PAGE) != 0;
    if (sub) {
      int start = raw.getShort(address(reference) + 4);
      int length = raw.getShort(address(reference) + 6);
      return new Active(entryFrame(reference), start, length, true);
    }
    return new Active(entryFrame(reference), 0, PAGE, false);
  }

  /** Ends one use. */
  void unpin(int reference, Pin pin) {
    Active used = active.get(reference);
    used.pins[pin.ordinal()]--;
    if (!used.isPinned()) {
      active.remove(reference);
    }
    if (reference < count()) {
      reduceStatus(reference, used, pin == Pin.WRITE || pin == Pin.DEVICE_WRITE);
    }
  }

  private void reduceStatus(int reference, Active used, boolean wrote) {
    int clear = used.isPinned() ? 0 : READING;
    clear |= wrote && !used.isWritten() ? WRITING : 0;
    long status = status(reference);
    raw.putShort(status, raw.getShort(status) & ~clear);
  }

  // Whole tables.

  /**
   * Changes the version; all entries but the reserved ones are cleared.
   *
   * @return 0, EBUSY while others are in use or the guest has a status page mapped, ERANGE where a reserved one can't be said in version 1
   */
  int changeVersion(int wanted) {
    for (int reference : active.keySet()) {
      if (reference >= RESERVED) {
        return Errno.EBUSY;
      }
    }
    int[] flags = new int[RESERVED];
    int[] grantees = new int[RESERVED];
    long[] entryFrames = new long[RESERVED];
    for (int i = 0; i < RESERVED; i++) {
      int type = flags(i) & TYPE_MASK;
      if (version == 2) {
        boolean large = type == PERMIT_ACCESS && entryFrame(i) >>> 32 != 0;
        if (type == TRANSITIVE || large) {
          return Errno.ERANGE;
        }
        if (type != PERMIT_ACCESS) {
          continue;
        }
      }
      flags[i] = flags(i) | raw.getShort(status(i)) & (READING | WRITING);
      grantees[i] = grantee(i);
      entryFrames[i] = entryFrame(i);
    }
    for (int i = 0; i < statusCount(); i++) {
      if (domain.frames().references(statusFrames[i]) > 1) {
        return Errno.EBUSY;
      }
    }
    version = wanted;
    statusCount = 0;
    for (int i = 0; i < frameCount; i++) {
      raw.fill(frames[i] << 12, PAGE, 0);
    }
    for (long mfn : statusFrames) {
      if (mfn >= 0) {
        raw.fill(mfn << 12, PAGE, 0);
      }
    }
    if (version == 2) {
      growStatus();
    }
    for (int i = 0; i < RESERVED; i++) {
      raw.putShort(address(i) + 2, grantees[i]);
      entryFrame(i, entryFrames[i]);
      flags(i, version == 1 ? flags[i] : flags[i] & ~(READING | WRITING));
      if (version == 2) {
        raw.putShort(status(i), flags[i] & (READING | WRITING));
      }
    }
    return 0;
  }

  /** Exchanges two entries that are not in use. */
  void swap(int a, int b) {
    int size = entrySize();
    byte[] first = new byte[size];
    byte[] second = new byte[size];
    raw.read(address(a), first, 0, size);
    raw.read(address(b), second, 0, size);
    raw.write(address(a), second, 0, size);
    raw.write(address(b), first, 0, size);
    if (version == 2) {
      int status = raw.getShort(status(a));
      raw.putShort(status(a), raw.getShort(status(b)));
      raw.putShort(status(b), status);
    }
  }
}
