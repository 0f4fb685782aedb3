package io.ringside.boot.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.ringside.boot.HostTools;
import io.ringside.devices.AcpiPm;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AcpiTablesTest {
  private GuestMemory memory;
  private NativeMemory raw;
  private long rsdp;

  @BeforeEach
  void write() {
    raw = new NativeMemory(Arena.ofAuto().allocate(2 << 20));
    memory = new GuestMemory(raw, 2 << 20);
    rsdp = AcpiTables.write(memory, 1);
  }

  @Test
  void rootPointerIsWhereItIsSearchedFor() {
    assertThat(rsdp).isBetween(0xe_0000L, 0xf_ffffL);
    assertThat(rsdp % 16).isZero();
    assertThat(text(rsdp, 8)).isEqualTo("RSD PTR ");
    assertThat(raw.getByte(rsdp + 15)).as("revision").isEqualTo(2);
    assertThat(raw.getInt(rsdp + 20)).as("length").isEqualTo(36);
    assertThat(sum(rsdp, 20)).as("checksum of ACPI 1.0").isZero();
    assertThat(sum(rsdp, 36)).as("extended checksum").isZero();
  }

  @Test
  void allTablesHaveTheirChecksum() {
    long xsdt = raw.getLong(rsdp + 24);
    long rsdt = raw.getInt(rsdp + 16);
    long fadt = table("FACP");
    for (long table : new long[] {xsdt, rsdt, fadt, table("APIC"), raw.getLong(fadt + 140)}) {
      assertThat(sum(table, raw.getInt(table + 4))).as(text(table, 4)).isZero();
      assertThat(table + raw.getInt(table + 4)).isLessThan(0x10_0000);
    }
    for (int i = 0; i < 2; i++) {
      assertThat(raw.getInt(rsdt + 36 + 4L * i)).isEqualTo((int) raw.getLong(xsdt + 36 + 8L * i));
    }
  }

  @Test
  void fixedDescriptionAgreesWithTheDevices() {
    long fadt = table("FACP");
    assertThat(raw.getInt(fadt + 4)).as("length of revision 6").isEqualTo(276);
    assertThat(raw.getShort(fadt + 46)).as("SCI_INT").isEqualTo(AcpiPm.SCI_IRQ);
    assertThat(raw.getInt(fadt + 48)).as("SMI_CMD").isZero();
    assertThat(raw.getInt(fadt + 56)).as("PM1a_EVT_BLK").isEqualTo(0x600);
    assertThat(raw.getInt(fadt + 64)).as("PM1a_CNT_BLK").isEqualTo(0x604);
    assertThat(raw.getInt(fadt + 76)).as("PM_TMR_BLK").isEqualTo(0x608);
    assertThat(raw.getInt(fadt + 112) & 1 << 8).as("TMR_VAL_EXT: the timer has 24 bits").isZero();
    assertThat(raw.getInt(fadt + 112) & 1 << 10).as("RESET_REG_SUP").isNotZero();
    assertThat(raw.getInt(fadt + 112) & 1 << 20).as("HW_REDUCED_ACPI").isZero();
    assertThat(raw.getLong(fadt + 120)).as("RESET_REG").isEqualTo(0xcf9);
    assertThat(raw.getByte(fadt + 128)).as("RESET_VALUE").isEqualTo(6);
    assertThat(raw.getShort(fadt + 109) & 2).as("no 8042").isZero();
    assertThat(raw.getLong(fadt + 152)).as("X_PM1a_EVT_BLK").isEqualTo(0x600);
    assertThat(raw.getLong(fadt + 176)).as("X_PM1a_CNT_BLK").isEqualTo(0x604);
    assertThat(raw.getLong(fadt + 212)).as("X_PM_TMR_BLK").isEqualTo(0x608);
    long facs = raw.getInt(fadt + 36);
    assertThat(text(facs, 4)).isEqualTo("FACS");
    assertThat(facs % 64).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 255})
  void interruptControllers(int processors) {
    rsdp = AcpiTables.write(memory, processors);
    long madt = table("APIC");
    long end = madt + raw.getInt(madt + 4);
    int found = 0;
    boolean ioApic = false;
    int overrides = 0;
    long at = madt + 44;
    for (; at < end; at += raw.getByte(at + 1)) {
      switch (raw.getByte(at)) {
        case 0 -> {
          assertThat(raw.getByte(at + 3)).isEqualTo(found);
          assertThat(raw.getInt(at + 4)).isEqualTo(1);
          found++;
        }
        case 1 -> {
          ioApic = true;
          assertThat(raw.getInt(at + 4)).isEqualTo(0xfec0_0000);
          assertThat(raw.getInt(at + 8)).isZero();
        }
        case 2 -> {
          overrides++;
          if (raw.getByte(at + 3) == 0) {
            assertThat(raw.getInt(at + 4)).as("the PIT is on input 2").isEqualTo(2);
          } else {
            assertThat(raw.getByte(at + 3)).isEqualTo(AcpiPm.SCI_IRQ);
            assertThat(raw.getShort(at + 8)).as("level, active high").isEqualTo(0xd);
          }
        }
        case 4 -> assertThat(raw.getByte(at + 5)).as("NMI is on LINT1").isEqualTo(1);
        default -> throw new AssertionError("type " + raw.getByte(at));
      }
    }
    assertThat(at).isEqualTo(end);
    assertThat(found).isEqualTo(processors);
    assertThat(ioApic).isTrue();
    assertThat(overrides).isEqualTo(2);
  }

  /** The bytes were disassembled by iasl and found to be what the comment of {@link Dsdt} says. */
  @Test
  void definitionBlockGolden() {
    String windows =
        "880d00020c00"
            + "00000000000000000100"
            + "4701f80cf80c0108"
            + "880d00010c03"
            + "00000000f70c0000f80c"
            + "880d00010c03"
            + "0000000dffff000000f3"
            + "871700000c01"
            + "00000000000000c0ffffbffe000000000000c03e"
            + "7900";
    byte[] block = Dsdt.definitionBlock();
    assertThat(HexFormat.of().formatHex(block))
        .startsWith("08" + "5c5f53355f" + "120804" + "0a050a050000" + "10")
        .contains("5c5f53425f" + "5b82")
        .contains("50434930" + "08")
        .contains(windows)
        .contains("434f4d31" + "085f484944" + "0c41d00501")
        .contains("4701f803f8030108" + "221000" + "7900")
        .contains("5254435f" + "085f484944" + "0c41d00b00")
        .contains("4701700070000102" + "220001" + "7900");
  }

  @Test
  void iaslFindsNothingWrong(@TempDir Path directory) throws Exception {
    assumeTrue(HostTools.find("iasl").isPresent(), "iasl is not installed on this host");
    long fadt = table("FACP");
    for (long table :
        new long[] {fadt, table("APIC"), raw.getLong(fadt + 140), raw.getLong(rsdp + 24)}) {
      byte[] bytes = new byte[raw.getInt(table + 4)];
      raw.read(table, bytes, 0, bytes.length);
      Files.write(directory.resolve("table.aml"), bytes);
      String log = run(directory, "iasl", "-d", "table.aml");
      assertThat(log)
          .contains("table.dsl")
          .doesNotContainIgnoringCase("warning")
          .doesNotContain("Error");
      if (text(table, 4).equals("DSDT")) {
        assertThat(run(directory, "iasl", "table.dsl")).contains("0 Errors, 0 Warnings, 0 Remarks");
      }
    }
  }

  private static String run(Path directory, String... command) throws Exception {
    Process process =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true).start();
    String log = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(log).isZero();
    return log;
  }

  private long table(String signature) {
    long xsdt = raw.getLong(rsdp + 24);
    for (long at = xsdt + 36; at < xsdt + raw.getInt(xsdt + 4); at += 8) {
      if (text(raw.getLong(at), 4).equals(signature)) {
        return raw.getLong(at);
      }
    }
    throw new AssertionError("no " + signature);
  }

  private String text(long gpa, int length) {
    byte[] bytes = new byte[length];
    raw.read(gpa, bytes, 0, length);
    return new String(bytes, StandardCharsets.US_ASCII);
  }

  private int sum(long gpa, int length) {
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += raw.getByte(gpa + i);
    }
    return sum & 0xff;
  }
}
