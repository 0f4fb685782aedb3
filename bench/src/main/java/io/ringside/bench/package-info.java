/**
 * Benchmarks: loads assembled in Java into one static program, which runs natively, in QEMU and in Ringside in turn, and the
 * tables that compare them.
 */
package io.ringside.bench;
