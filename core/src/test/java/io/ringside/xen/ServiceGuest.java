package io.ringside.xen;

import io.ringside.host.NativeMemory;
import java.nio.charset.StandardCharsets;

/** A guest with a buffer for the arguments of hypercalls: 48 pages that adjoin each other, before one without a mapping. */
final class ServiceGuest {
  private static final int FIRST = 448;

  /** The size of the buffer. */
  static final int SIZE = 48 * 4096;

  /** The buffer's guest-virtual address. */
  static final long BUFFER = TestGuest.gva(FIRST);

  /** A page that is mapped read-only. */
  static final long READ_ONLY = TestGuest.gva(TestGuest.L1);

  /** An address that nothing is mapped at, the one behind the buffer. */
  static final long NOWHERE = BUFFER + SIZE;

  final TestGuest guest = new TestGuest();
  final FakeHost host = guest.host;
  final Domain domain = guest.domain;
  final PvVcpu vcpu = guest.vcpu;
  final FakeCpu cpu = guest.cpu;
  final NativeMemory ram = guest.raw;
  final StringBuilder console = host.console;

  /** The buffer's machine address. */
  final long buffer = guest.maddr(FIRST);

  ServiceGuest() {
    guest.unmap(FIRST + SIZE / 4096);
  }

  /** Makes a hypercall. */
  long call(int number, long... arguments) {
    return guest.call(number, arguments);
  }

  /** Puts text at an offset of the buffer and gives its gva. */
  long text(int offset, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    ram.write(buffer + offset, bytes, 0, bytes.length);
    return BUFFER + offset;
  }

  /** Text at an offset of the buffer up to a zero. */
  String string(int offset) {
    StringBuilder text = new StringBuilder();
    for (long a = buffer + offset; ram.getByte(a) != 0; a++) {
      text.append((char) ram.getByte(a));
    }
    return text.toString();
  }
}
