/** Measures the same loads natively, in QEMU and in Ringside. */
module io.ringside.bench {
  requires io.ringside.core;
}
