/** The ringside command. */
module io.ringside.cli {
  requires io.ringside.core;
  requires info.picocli;
}
