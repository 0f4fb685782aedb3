package io.ringside.boot.acpi;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Encodes the few terms of the ACPI Machine Language that a small DSDT needs (ACPI 6.5, chapter 20). Each method returns
 * one complete term; terms with others inside take these as arguments.
 */
final class Aml {
  private static final int ZERO_OP = 0x00;
  private static final int ONE_OP = 0x01;
  private static final int NAME_OP = 0x08;
  private static final int BYTE_PREFIX = 0x0a;
  private static final int WORD_PREFIX = 0x0b;
  private static final int DWORD_PREFIX = 0x0c;
  private static final int SCOPE_OP = 0x10;
  private static final int BUFFER_OP = 0x11;
  private static final int PACKAGE_OP = 0x12;
  private static final int EXT_OP_PREFIX = 0x5b;
  private static final int DEVICE_OP = 0x82;

  private Aml() {}

  /** {@code Name(path, value)}. */
  static byte[] name(String path, byte[] value) {
    return join(new byte[] {NAME_OP}, path(path), value);
  }

  /** {@code Scope(path) { terms }}. */
  static byte[] scope(String path, byte[]... terms) {
    return join(new byte[] {SCOPE_OP}, withLength(join(path(path), join(terms))));
  }

  /** {@code Device(path) { terms }}. */
  static byte[] device(String path, byte[]... terms) {
    return join(
        new byte[] {EXT_OP_PREFIX, (byte) DEVICE_OP}, withLength(join(path(path), join(terms))));
  }

  /** {@code Package() { elements }}, at most 255 of them. */
  static byte[] packageOf(byte[]... elements) {
    return join(
        new byte[] {PACKAGE_OP},
        withLength(join(new byte[] {(byte) elements.length}, join(elements))));
  }

  /** An integer of up to 32 bits, unsigned, in its shortest form. */
  static byte[] integer(long value) {
    if (value == 0) {
      return new byte[] {ZERO_OP};
    }
    if (value == 1) {
      return new byte[] {ONE_OP};
    }
    if (value <= 0xff) {
      return new byte[] {BYTE_PREFIX, (byte) value};
    }
    if (value <= 0xffff) {
      return join(new byte[] {WORD_PREFIX}, littleEndian(value, 2));
    }
    return join(new byte[] {DWORD_PREFIX}, littleEndian(value, 4));
  }

  /** {@code EisaId("ABC0123")}: three letters of 5 bits and four hexadecimal digits, big-endian (ACPI 6.5, 19.3.4). */
  static byte[] eisaId(String id) {
    int value = 0;
    for (int i = 0; i < 3; i++) {
      value = value << 5 | id.charAt(i) - '@';
    }
    value = value << 16 | Integer.parseInt(id, 3, 7, 16);
    return integer(Integer.toUnsignedLong(Integer.reverseBytes(value)));
  }

  /** {@code ResourceTemplate() { descriptors }}: a buffer that ends with an end tag without a checksum. */
  static byte[] resources(byte[]... descriptors) {
    byte[] contents = join(join(descriptors), new byte[] {0x79, 0});
    return join(new byte[] {BUFFER_OP}, withLength(join(integer(contents.length), contents)));
  }

  /** {@code IO(Decode16, first, first, 1, count)} (ACPI 6.5, 6.4.2.5). */
  static byte[] ports(int first, int count) {
    return join(
        new byte[] {0x47, 1},
        littleEndian(first, 2),
        littleEndian(first, 2),
        new byte[] {1, (byte) count});
  }

  /** {@code IRQNoFlags() { irq }}: edge-triggered, active high, not shared (ACPI 6.5, 6.4.2.1). */
  static byte[] irq(int irq) {
    return join(new byte[] {0x22}, littleEndian(1L << irq, 2));
  }

  /** {@code WordBusNumber} for a producer of buses {@code first} to {@code last} (ACPI 6.5, 6.4.3.5.3). */
  static byte[] buses(int first, int last) {
    return addressSpace(0x88, 2, 0, first, last, 2);
  }

  /** {@code WordIO} for a producer of ports {@code first} to {@code last}, ISA and other ranges alike. */
  static byte[] portWindow(int first, int last) {
    return addressSpace(0x88, 1, 3, first, last, 2);
  }

  /** {@code DWordMemory} for a producer of memory {@code first} to {@code last}, not cacheable, writable. */
  static byte[] memoryWindow(long first, long last) {
    return addressSpace(0x87, 0, 1, first, last, 4);
  }

  /** An address space descriptor: fixed minimum and maximum, positive decoding. */
  private static byte[] addressSpace(
      int tag, int type, int typeFlags, long first, long last, int width) {
    int length = 3 + 5 * width;
    byte[] head = {(byte) tag, (byte) length, 0, (byte) type, 0x0c, (byte) typeFlags};
    return join(
        head,
        littleEndian(0, width), // granularity
        littleEndian(first, width),
        littleEndian(last, width),
        littleEndian(0, width), // translation
        littleEndian(last - first + 1, width));
  }

  /** Encodes a path of names of up to four characters; a leading backslash makes it absolute. */
  private static byte[] path(String path) {
    int root = path.startsWith("\\") ? 1 : 0;
    StringBuilder padded = new StringBuilder(path);
    while ((padded.length() - root) % 4 != 0) {
      padded.append('_');
    }
    return padded.toString().getBytes(StandardCharsets.US_ASCII);
  }

  /** Puts a PkgLength in front, which counts itself (ACPI 6.5, 20.2.4). */
  private static byte[] withLength(byte[] contents) {
    int length = contents.length + 1;
    if (length < 1 << 6) {
      return join(new byte[] {(byte) length}, contents);
    }
    length++;
    if (length < 1 << 12) {
      return join(new byte[] {(byte) (1 << 6 | length & 15), (byte) (length >>> 4)}, contents);
    }
    length++;
    return join(
        new byte[] {(byte) (2 << 6 | length & 15), (byte) (length >>> 4), (byte) (length >>> 12)},
        contents);
  }

  static byte[] littleEndian(long value, int bytes) {
    byte[] result = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      result[i] = (byte) (value >>> 8 * i);
    }
    return result;
  }

  static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}
