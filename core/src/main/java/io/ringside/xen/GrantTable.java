package io.ringside.xen;

/** Grant tables, version 1. Source: {@code public/grant_table.h}. */
final class GrantTable {
  private final Domain domain;

  GrantTable(Domain domain) {
    this.domain = domain;
  }

  /** grant_table_op. */
  long operation(PvVcpu caller, int command, long argument, int count) {
    throw HypercallException.of(domain.unimplemented());
  }
}
