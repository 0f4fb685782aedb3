package io.ringside.xen;

/** Control registers of the processor that a PV guest kernel can change by instructions that Xen emulates. */
public interface PvControls {
  /**
   * The guest has set CR4. Of its bits TSD, DE and OSXSAVE have effects, for the guest kernel too, which runs at
   * CPL 3.
   */
  void cr4(long value);

  /** XCR0 as it is. */
  long xcr0();

  /**
   * Sets XCR0 (SDM vol. 1, 13.3).
   *
   * @return false, and nothing changed, where the value is not allowed
   */
  boolean xcr0(long value);
}
