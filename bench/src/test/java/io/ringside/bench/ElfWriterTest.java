package io.ringside.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ringside.asm.Assembler;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

class ElfWriterTest {
  @Test
  void headersAndSegmentsAreWhereTheAbiPutsThem() {
    byte[] text = {(byte) 0x90, (byte) 0xc3};
    byte[] data = {1, 2, 3};
    ByteBuffer file =
        ByteBuffer.wrap(ElfWriter.write(text, data, 4096, ElfWriter.textStart()))
            .order(ByteOrder.LITTLE_ENDIAN);

    assertThat(file.getInt(0)).isEqualTo(0x464c_457f);
    assertThat(file.getInt(4)).isEqualTo(0x0001_0102);
    assertThat(file.getShort(16)).isEqualTo((short) 2);
    assertThat(file.getShort(18)).isEqualTo((short) 62);
    assertThat(file.getLong(24)).isEqualTo(0x4000e8);
    assertThat(file.getShort(56)).isEqualTo((short) 3);

    // The first segment: from the file's beginning to the end of the code, read and execute.
    assertThat(file.getInt(64)).isEqualTo(1);
    assertThat(file.getInt(68)).isEqualTo(5);
    assertThat(file.getLong(80)).isEqualTo(0x400000);
    assertThat(file.getLong(96)).isEqualTo(0xe8 + 2);
    assertThat(file.get(0xe8)).isEqualTo((byte) 0x90);

    // The second: data, then zeroes, read and write, at the same offset within a page as in the
    // file.
    assertThat(file.getInt(120)).isEqualTo(1);
    assertThat(file.getInt(124)).isEqualTo(6);
    assertThat(file.getLong(128)).isEqualTo(4096);
    assertThat(file.getLong(136)).isEqualTo(0x401000);
    assertThat(file.getLong(152)).isEqualTo(3);
    assertThat(file.getLong(160)).isEqualTo(3 + 4096);
    assertThat(file.get(4096 + 2)).isEqualTo((byte) 3);
    assertThat(file.capacity()).isEqualTo(4096 + 3);
  }

  @Test
  void labelsBecomeAddresses() {
    UserProgram p = new UserProgram();
    UserProgram.Label table = p.data(new byte[16]);
    UserProgram.Label zeroes = p.zeroes(8);
    UserProgram.Label later = p.label();
    UserProgram.Label start = p.here();
    p.jmp(later); // 5 bytes
    p.bind(later);
    p.op(false, 0x8b, Assembler.RAX, zeroes, Assembler.RDI, 4, 12); // 7 bytes
    p.address(Assembler.RSI, table); // 5 bytes
    p.point(table, 8, later);
    p.number(table, 0, 0x1122_3344_5566_7788L);
    ByteBuffer file = ByteBuffer.wrap(p.toElf(start)).order(ByteOrder.LITTLE_ENDIAN);

    assertThat(file.getLong(24)).isEqualTo(ElfWriter.textStart());
    int text = ElfWriter.HEADERS;
    assertThat(file.get(text)).isEqualTo((byte) 0xe9);
    assertThat(file.getInt(text + 1)).isZero();
    assertThat(file.getInt(text + 8)).isEqualTo(0x401000 + 64 + 12);
    assertThat(file.getInt(text + 13)).isEqualTo(0x401000);
    assertThat(file.getLong(4096)).isEqualTo(0x1122_3344_5566_7788L);
    assertThat(file.getLong(4096 + 8)).isEqualTo(ElfWriter.textStart() + 5);
  }

  @Test
  void labelsWithoutAPlaceOrWithTwoAreRefused() {
    UserProgram p = new UserProgram();
    UserProgram.Label start = p.here();
    p.jmp(p.label());
    assertThatThrownBy(() -> p.toElf(start)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> p.bind(start)).isInstanceOf(IllegalStateException.class);
    UserProgram q = new UserProgram();
    q.addresses(List.of(q.label()));
    assertThatThrownBy(() -> q.toElf(q.here())).isInstanceOf(IllegalStateException.class);
  }
}
