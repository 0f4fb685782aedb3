package io.ringside.xen;

/**
 * console_io: the hypervisor's own console, which kernels use before they have another. Source: {@code public/xen.h}.
 *
 * <p>To an unprivileged domain Xen gives the write if it was built with CONFIG_VERBOSE_DEBUG, which we follow, so that
 * nothing that a guest says gets lost; anything else is refused with EPERM before it is looked at. What is written is
 * printed by whole lines behind {@code (dN)}, without the characters that can't be printed.
 */
final class ConsoleIo {
  static final int WRITE = 0;
  static final int READ = 1;

  /** How much is taken from the guest at a time. */
  private static final int CHUNK = 127;

  /** How long the start of a line, kept until its end comes, may be (DOMAIN_PBUF_SIZE less the final zero). */
  private static final int LINE_START = 199;

  private final Domain domain;
  private final byte[] prefix;
  private final byte[] chunk = new byte[CHUNK];
  private final byte[] line;
  private int length;

  ConsoleIo(Domain domain) {
    this.domain = domain;
    String text = "(d" + domain.domid() + ") ";
    this.prefix = new byte[text.length()];
    for (int i = 0; i < prefix.length; i++) {
      prefix[i] = (byte) text.charAt(i);
    }
    this.line = new byte[prefix.length + LINE_START + CHUNK];
    System.arraycopy(prefix, 0, line, 0, prefix.length);
    this.length = prefix.length;
  }

  /**
   * console_io.
   *
   * @param count unsigned
   * @return 0
   * @throws HypercallException EPERM for all but a write, EFAULT
   */
  long operation(PvVcpu caller, int command, int count, long buffer) {
    if (command != WRITE) {
      throw HypercallException.of(Errno.EPERM);
    }
    long address = buffer;
    long left = Integer.toUnsignedLong(count);
    while (left > 0) {
      int size = (int) Math.min(left, CHUNK);
      caller.access().read(address, chunk, 0, size);
      int taken = take(size);
      address += taken;
      left -= taken;
    }
    return 0;
  }

  /** Takes a chunk up to the first end of a line; gives how much that was. */
  private int take(int size) {
    int taken = 0;
    boolean ended = false;
    int kept = length;
    while (taken < size && !ended) {
      int c = chunk[taken++] & 0xff;
      ended = c == '\n';
      if (!ended && isPrintable(c)) {
        line[kept++] = (byte) c;
      }
    }
    if (ended || kept - prefix.length >= LINE_START) {
      domain.consoleOutput().line(line, kept);
      kept = prefix.length;
    }
    length = kept;
    return taken;
  }

  /** What {@code isprint} of Xen's says of Latin-1 characters, and tab. */
  private static boolean isPrintable(int c) {
    return c == '\t' || c >= 0x20 && c < 0x7f || c >= 0xa0;
  }
}
