package io.ringside.boot.acpi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** A system description table: the common header (ACPI 6.5, 5.2.6) and fields at offsets from the table's start. */
final class Table {
  static final int HEADER = 36;

  private static final int CHECKSUM = 9;
  private static final String OEM = "RNGSID";
  private static final String OEM_TABLE = "RINGSIDE";
  private static final String CREATOR = "RNGS";

  private final ByteBuffer bytes;

  /**
   * Starts a table whose fields are all zero.
   *
   * @param signature four letters
   * @param length of the whole table in bytes
   */
  Table(String signature, int revision, int length) {
    bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    text(0, signature);
    int32(4, length);
    int8(8, revision);
    text(10, OEM);
    text(16, OEM_TABLE);
    int32(24, 1);
    text(28, CREATOR);
    int32(32, 1);
  }

  Table int8(int offset, int value) {
    bytes.put(offset, (byte) value);
    return this;
  }

  Table int16(int offset, int value) {
    bytes.putShort(offset, (short) value);
    return this;
  }

  Table int32(int offset, long value) {
    bytes.putInt(offset, (int) value);
    return this;
  }

  Table int64(int offset, long value) {
    bytes.putLong(offset, value);
    return this;
  }

  Table bytes(int offset, byte[] value) {
    bytes.put(offset, value);
    return this;
  }

  /**
   * A generic address structure in the port space (ACPI 6.5, 5.2.3.2).
   *
   * @param bits the register's width
   * @param access the widest access: 1 byte, 2 word, 3 doubleword
   */
  Table port(int offset, int bits, int access, int port) {
    return int8(offset, 1).int8(offset + 1, bits).int8(offset + 3, access).int64(offset + 4, port);
  }

  /** The table's bytes with the checksum that makes their sum zero. */
  byte[] toBytes() {
    byte[] array = bytes.array();
    array[CHECKSUM] = 0;
    array[CHECKSUM] = (byte) -sum(array, array.length);
    return array;
  }

  /** The sum of the first {@code length} bytes. */
  static int sum(byte[] array, int length) {
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += array[i];
    }
    return sum;
  }

  private void text(int offset, String text) {
    bytes.put(offset, text.getBytes(StandardCharsets.US_ASCII));
  }
}
