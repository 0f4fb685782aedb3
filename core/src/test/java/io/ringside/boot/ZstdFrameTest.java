package io.ringside.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What compressors seldom write; {@link PayloadTest} has the rest. */
class ZstdFrameTest {
  private static final byte[] MAGIC = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd};

  /** Single segment, size in one byte, no checksum. */
  private static final byte[] SMALL = {0x20, 13};

  @Test
  void rawAndRunLengthBlocks() throws CorruptPayloadException {
    byte[] frame =
        join(MAGIC, SMALL, block(0, 3, false), ascii("abc"), block(1, 10, true), ascii("z"));
    assertThat(unpack(frame, 13)).isEqualTo("abczzzzzzzzzz");
  }

  @Test
  void literalsOfOneByteWithoutSequences() throws CorruptPayloadException {
    // Literals: run of 6, size in 5 bits; sequences: none.
    byte[] frame = join(MAGIC, SMALL, block(2, 3, true), new byte[] {6 << 3 | 1, 'q', 0});
    assertThat(unpack(frame, 6)).isEqualTo("qqqqqq");
  }

  @Test
  void framesFollowOneAnotherAndMayBeSkipped() throws CorruptPayloadException {
    byte[] frame = join(MAGIC, SMALL, block(0, 2, true), ascii("hi"));
    byte[] skipped = {0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9};
    assertThat(unpack(join(frame, skipped, frame), 4)).isEqualTo("hihi");
  }

  @Test
  void theChecksumIsChecked() throws CorruptPayloadException {
    byte[] frame = join(MAGIC, new byte[] {0x24, 3}, block(0, 3, true), ascii("abc"));
    byte[] good = Arrays.copyOf(frame, frame.length + 4);
    long low = XxHash64.of(ByteBuffer.wrap(ascii("abc")), 0, 3);
    for (int i = 0; i < 4; i++) {
      good[good.length - 4 + i] = (byte) (low >>> 8 * i);
    }
    assertThat(unpack(good, 3)).isEqualTo("abc");
    good[good.length - 1] ^= 1;
    assertThatThrownBy(() -> unpack(good, 3)).hasMessage("a wrong checksum");
  }

  @Test
  void refusesWhatItCantUnpack() {
    assertThatThrownBy(() -> unpack(join(MAGIC, new byte[] {0x21, 7, 3}, block(0, 0, true)), 9))
        .hasMessageContaining("dictionary");
    assertThatThrownBy(() -> unpack(join(MAGIC, SMALL, block(3, 0, true)), 9))
        .hasMessageContaining("type");
    assertThatThrownBy(() -> unpack(join(MAGIC, SMALL, block(0, 200_000, true)), 9))
        .hasMessageContaining("larger than blocks may be");
    assertThatThrownBy(
            () -> unpack(join(MAGIC, SMALL, block(0, 2, true), ascii("hi"), ascii("junk")), 9))
        .hasMessageContaining("after its end");
    // A second run of a table that there isn't: literals without a tree.
    assertThatThrownBy(
            () -> unpack(join(MAGIC, SMALL, block(2, 4, true), new byte[] {0x13, 0x40, 0, 0}), 9))
        .isInstanceOf(CorruptPayloadException.class);
  }

  @Test
  void hashesOfTheSpecification() {
    assertThat(hash("")).isEqualTo(0xef46_db37_51d8_e999L);
    assertThat(hash("a")).isEqualTo(0xd24e_c4f1_a98c_6e5bL);
    assertThat(hash("abc")).isEqualTo(0x44bc_2cf5_ad77_0999L);
  }

  private static long hash(String text) {
    return XxHash64.of(ByteBuffer.wrap(ascii(text)), 0, text.length());
  }

  private static String unpack(byte[] frame, int room) throws CorruptPayloadException {
    byte[] out = new byte[room];
    long length = ZstdFrame.unpack(MemorySegment.ofArray(frame), MemorySegment.ofArray(out));
    return new String(Arrays.copyOf(out, (int) length), StandardCharsets.US_ASCII);
  }

  private static byte[] block(int type, int size, boolean last) {
    int header = size << 3 | type << 1 | (last ? 1 : 0);
    return new byte[] {(byte) header, (byte) (header >>> 8), (byte) (header >>> 16)};
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}
