package io.ringside.xen;

/** Offsets in {@code struct shared_info} and {@code struct vcpu_info}. Source: {@code public/xen.h}. */
final class SharedInfo {
  /** Bytes of a {@code struct vcpu_info}; the first 32 vCPUs have theirs at the start of shared_info. */
  static final int VCPU_INFO_SIZE = 64;

  /** In vcpu_info: nonzero while an event waits (1 byte). */
  static final int UPCALL_PENDING = 0;

  /** In vcpu_info: nonzero while the vCPU takes no upcalls (1 byte). */
  static final int UPCALL_MASK = 1;

  /** In vcpu_info: which words of {@link #EVTCHN_PENDING} have something (8 bytes). */
  static final int PENDING_SELECTOR = 8;

  /** In vcpu_info: CR2 of the last page fault (8 bytes). */
  static final int CR2 = 16;

  /** In vcpu_info: {@code struct vcpu_time_info} (32 bytes). */
  static final int TIME = 32;

  /** Pending bits of 4096 event channels. */
  static final int EVTCHN_PENDING = 2048;

  /** Mask bits of 4096 event channels. */
  static final int EVTCHN_MASK = 2560;

  /** Version of the wall clock (4 bytes), odd while it is changed. */
  static final int WC_VERSION = 3072;

  /** Wall-clock time at system time 0: seconds, low half (4 bytes). */
  static final int WC_SEC = 3076;

  /** Nanoseconds (4 bytes). */
  static final int WC_NSEC = 3080;

  /** Seconds, high half (4 bytes). */
  static final int WC_SEC_HI = 3084;

  /** {@code arch.max_pfn}: how many entries the guest's P2M has (8 bytes). */
  static final int MAX_PFN = 3088;

  /** {@code arch.pfn_to_mfn_frame_list_list} (8 bytes). */
  static final int FRAME_LIST_LIST = 3096;

  /** {@code arch.nmi_reason} (8 bytes). */
  static final int NMI_REASON = 3104;

  /** {@code arch.p2m_cr3} (8 bytes). */
  static final int P2M_CR3 = 3112;

  /** {@code arch.p2m_vaddr} (8 bytes). */
  static final int P2M_VADDR = 3120;

  /** {@code arch.p2m_generation} (8 bytes). */
  static final int P2M_GENERATION = 3128;

  private SharedInfo() {}
}
