package io.ringside.xen;

/** mmu_update, update_va_mapping, update_va_mapping_otherdomain. Source: {@code public/xen.h}. */
final class MmuUpdate {
  private final Domain domain;

  MmuUpdate(Domain domain) {
    this.domain = domain;
  }

  /** mmu_update. */
  long mmuUpdate(PvVcpu caller, long requests, int count, long done, int foreign) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** update_va_mapping. */
  long updateVaMapping(PvVcpu caller, long gva, long entry, long flags) {
    throw HypercallException.of(domain.unimplemented());
  }

  /** update_va_mapping_otherdomain. */
  long updateVaMappingOther(PvVcpu caller, long gva, long entry, long flags, int domid) {
    throw HypercallException.of(domain.unimplemented());
  }
}
