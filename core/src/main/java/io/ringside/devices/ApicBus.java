package io.ringside.devices;

import java.util.Arrays;

/**
 * What carries interrupt messages between the I/O APIC, message-signalled devices and the local APICs, and EOI messages
 * back (SDM volume 3, 11.6.2 and 11.11).
 */
public final class ApicBus {
  /** Delivery modes (SDM volume 3, 11.6.1). */
  static final int FIXED = 0;

  static final int LOWEST_PRIORITY = 1;
  static final int SMI = 2;
  static final int NMI = 4;
  static final int INIT = 5;
  static final int STARTUP = 6;
  static final int EXTINT = 7;

  private LocalApic[] apics = {};
  private IoApic[] ioApics = {};
  private int nextLowestPriority;

  /** Makes a bus with nobody on it. */
  public ApicBus() {}

  void attach(LocalApic apic) {
    apics = Arrays.copyOf(apics, apics.length + 1);
    apics[apics.length - 1] = apic;
  }

  void attach(IoApic ioApic) {
    ioApics = Arrays.copyOf(ioApics, ioApics.length + 1);
    ioApics[ioApics.length - 1] = ioApic;
  }

  /**
   * A message-signalled interrupt (SDM volume 3, 11.11): a device's write of {@code data} to {@code address}. The caller
   * holds the machine's lock.
   *
   * @return false if the address is not in the interrupt range FEE00000h to FEEFFFFFh
   */
  public boolean message(long address, int data) {
    if (address >>> 20 != 0xfee) {
      return false;
    }
    int destination = (int) (address >>> 12) & 0xff;
    // The destination mode counts with the redirection hint only; without the hint the destination
    // is physical.
    boolean logical = (address & 0xc) == 0xc;
    boolean level = (data & 1 << 15) != 0;
    if (!level || (data & 1 << 14) != 0) {
      int mode = data >>> 8 & 7;
      deliver(
          destination,
          0xff,
          logical,
          (address & 8) != 0 && mode == FIXED ? LOWEST_PRIORITY : mode,
          data & 0xff,
          level);
    }
    return true;
  }

  /**
   * Sends an interrupt.
   *
   * @param destination the destination field
   * @param broadcast the value of that field that means everybody: FFh, or FFFFFFFFh in x2APIC mode
   * @param logical the destination mode
   * @param mode the delivery mode
   * @param vector 0 to 255
   * @param level whether it is level-triggered
   * @return whether anybody took it
   */
  boolean deliver(
      int destination, int broadcast, boolean logical, int mode, int vector, boolean level) {
    if (mode == LOWEST_PRIORITY) {
      return deliverLowestPriority(destination, broadcast, logical, vector, level);
    }
    boolean taken = false;
    for (LocalApic apic : apics) {
      if (apic.isDestination(destination, broadcast, logical)) {
        apic.accept(mode, vector, level);
        taken = true;
      }
    }
    return taken;
  }

  private boolean deliverLowestPriority(
      int destination, int broadcast, boolean logical, int vector, boolean level) {
    LocalApic best = null;
    int start = nextLowestPriority++;
    for (int i = 0; i < apics.length; i++) {
      LocalApic apic = apics[Math.floorMod(start + i, apics.length)];
      if (apic.isDestination(destination, broadcast, logical)
          && apic.isSoftwareEnabled()
          && (best == null || apic.processorPriority() < best.processorPriority())) {
        best = apic;
      }
    }
    if (best == null) {
      return false;
    }
    best.accept(FIXED, vector, level);
    return true;
  }

  /** A shorthand destination: everybody, with or without the sender. */
  void deliverToAll(
      LocalApic sender, boolean includingSender, int mode, int vector, boolean level) {
    for (LocalApic apic : apics) {
      if (apic != sender || includingSender) {
        apic.accept(mode == LOWEST_PRIORITY ? FIXED : mode, vector, level);
      }
    }
  }

  /** An interrupt goes into service. */
  void acknowledged(int vector) {
    for (IoApic ioApic : ioApics) {
      ioApic.acknowledged(vector);
    }
  }

  /** The EOI of a level-triggered interrupt, broadcast to the I/O APICs (SDM volume 3, 11.8.5). */
  void endOfInterrupt(int vector) {
    for (IoApic ioApic : ioApics) {
      ioApic.endOfInterrupt(vector);
    }
  }
}
