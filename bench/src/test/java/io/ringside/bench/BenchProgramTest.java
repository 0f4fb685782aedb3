package io.ringside.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Runs the program natively, a moment for each load, and computes its checksums in Java. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BenchProgramTest {
  private static final List<String> NOT_COMPUTED = List.of("gzip");

  private final BenchProgram program = new BenchProgram();
  private final Map<String, Result> results = new HashMap<>();
  private Path file;

  @BeforeAll
  void run(@TempDir Path directory) throws Exception {
    assumeTrue(System.getProperty("os.arch").equals("amd64"), "x86-64 code");
    file = directory.resolve("ringbench");
    Files.write(file, program.file());
    assertThat(file.toFile().setExecutable(true)).isTrue();
    List<String> names = new ArrayList<>(List.of("-t", "1"));
    for (Load load : program.loads()) {
      if (!NOT_COMPUTED.contains(load.name())) {
        names.add(load.name());
      }
    }
    List<String> lines = run(0, names.toArray(String[]::new));
    for (String line : lines) {
      Optional<Result> result = Result.parse(line);
      if (result.isPresent()) {
        results.put(result.get().load(), result.get());
      }
    }
    assertThat(Result.parseEnd(lines.getLast())).isPresent();
    assertThat(results).hasSize(names.size() - 2);
  }

  private List<String> run(int status, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(file.toString()));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    List<String> lines =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
            .lines()
            .toList();
    assertThat(process.waitFor()).as(String.join("\n", lines)).isEqualTo(status);
    return lines;
  }

  private void assertChecksum(String load, long expected) {
    Result result = results.get(load);
    assertThat(result.measured()).as(result.toString()).isTrue();
    assertThat(result.value()).isPositive();
    assertThat(result.checksum()).isEqualTo("%016x".formatted(expected));
  }

  /** What {@link Support#fill} makes. */
  private static byte[] filled(int bytes, long seed) {
    ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long x = seed;
    while (out.hasRemaining()) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
      out.putLong(x);
    }
    return out.array();
  }

  /** What {@link Support#hash} makes. */
  private static long hash(byte[] bytes) {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    long hash = 0;
    while (in.hasRemaining()) {
      hash = hash * 31 + in.getLong();
    }
    return hash;
  }

  private static long sorted() {
    ByteBuffer in =
        ByteBuffer.wrap(filled(IntegerLoads.SORT_COUNT * 4, IntegerLoads.SORT_SEED))
            .order(ByteOrder.LITTLE_ENDIAN);
    int[] values = new int[IntegerLoads.SORT_COUNT];
    in.asIntBuffer().get(values);
    long[] unsigned = Arrays.stream(values).mapToLong(Integer::toUnsignedLong).sorted().toArray();
    ByteBuffer out = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : unsigned) {
      out.putInt((int) value);
    }
    return hash(out.array());
  }

  private static long crc() {
    CRC32 crc = new CRC32();
    crc.update(filled(IntegerLoads.CRC_BYTES, IntegerLoads.CRC_SEED));
    return crc.getValue();
  }

  private static long primes() {
    long count = 0;
    boolean[] composite = new boolean[IntegerLoads.SIEVE_LIMIT];
    for (int i = 2; i < composite.length; i++) {
      if (!composite[i]) {
        count++;
        for (int j = 2 * i; j < composite.length; j += i) {
          composite[j] = true;
        }
      }
    }
    return count;
  }

  @Test
  void integerLoadsSortCheckAndSieve() {
    assertChecksum("sort", sorted());
    assertChecksum("crc32", crc());
    assertChecksum("sieve", primes());
    assertChecksum("integer", (sorted() * 31 + crc()) * 31 + primes());
  }

  @Test
  void sha256IsTheRealOne() throws Exception {
    byte[] digest =
        MessageDigest.getInstance("SHA-256")
            .digest(filled(Sha256Load.MESSAGE_BYTES, Sha256Load.SEED));
    ByteBuffer words = ByteBuffer.wrap(digest);
    long folded = 0;
    while (words.hasRemaining()) {
      folded ^= words.getLong();
    }
    assertChecksum("sha256", folded);
  }

  @Test
  void matrixProductIsRoundedAsInJava() {
    int n = FloatLoads.ORDER;
    ByteBuffer product = ByteBuffer.allocate(n * n * 8).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int k = 0; k < n; k++) {
          sum += FloatLoads.element(0, i * n + k) * FloatLoads.element(1, k * n + j);
        }
        product.putDouble(sum);
      }
    }
    assertChecksum("matmul", hash(product.array()));
  }

  @Test
  void vectorLoadsComputeWhatJavaDoes() {
    assertChecksum("sse-scalar", FloatLoads.scalarChecksum());
    assertChecksum("sse-integer", FloatLoads.vectorChecksum());
  }

  @Test
  void copiesEqualTheirSource() {
    long expected = hash(filled(MemoryLoads.BIG, MemoryLoads.COPY_SEED));
    assertChecksum("memcpy", expected);
    assertChecksum("memcpy-sse", expected);
  }

  @Test
  void chaseVisitsEachNode() {
    assertChecksum("chase", MemoryLoads.chaseChecksum());
  }

  @Test
  void loadsAndStoresRotateTheBuffer() {
    ByteBuffer words =
        ByteBuffer.wrap(filled(MemoryLoads.SMALL, MemoryLoads.SMALL_SEED))
            .order(ByteOrder.LITTLE_ENDIAN);
    int count = MemoryLoads.SMALL / 8;
    ByteBuffer rotated = ByteBuffer.allocate(MemoryLoads.SMALL).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      rotated.putLong((i + MemoryLoads.SMALL_ROUNDS) % count * 8, words.getLong(i * 8));
    }
    assertChecksum("load-store", hash(rotated.array()));
  }

  @Test
  void kernelLoadsCountWhatTheyDid() {
    assertChecksum("syscall", KernelLoads.SYSTEM_CALLS);
    assertChecksum("pipe", sumTo(KernelLoads.ROUND_TRIPS));
    assertChecksum("fork", sumTo(KernelLoads.FORKS));
    assertChecksum("exec", (long) KernelLoads.EXECS * KernelLoads.EXIT_STATUS);
    assertChecksum("touch", sumTo(KernelLoads.PAGES));
    assertChecksum("mmap", (long) KernelLoads.MAPPINGS * KernelLoads.MAPPED_PAGES);
    assertChecksum("file", (long) KernelLoads.FILES * KernelLoads.FILE_BYTES);
  }

  private static long sumTo(long n) {
    return n * (n + 1) / 2;
  }

  @Test
  void controlLoadsComputeWhatJavaDoes() {
    assertChecksum("register", ControlLoads.registerChecksum());
    assertChecksum("call", ControlLoads.callChecksum());
    assertChecksum("indirect-call", ControlLoads.indirectChecksum());
  }

  @Test
  void wrongArgumentsEndWithUsage() throws Exception {
    assertThat(run(2, "nonsense").getLast()).contains("usage: ringbench");
    assertThat(run(2, "-t").getLast()).contains("usage: ringbench");
    assertThat(run(2, "-x", "1").getLast()).contains("usage: ringbench");
    assertThat(run(KernelLoads.EXIT_STATUS, "exit")).isEmpty();
  }

  @Test
  void readelfFindsNoFault() throws Exception {
    Process process;
    try {
      process =
          new ProcessBuilder("readelf", "-W", "-h", "-l", file.toString())
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      assumeTrue(false, "no readelf here");
      return;
    }
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    assertThat(output)
        .contains("EXEC (Executable file)", "X86-64", "R E 0x1000", "RW  0x1000")
        .doesNotContain("Warning", "Error");
  }
}
