package io.ringside.devices;

import io.ringside.machine.PortDevice;

/**
 * The firmware configuration device in its oldest form (QEMU's interface description "fw_cfg", traditional port
 * interface): a selector at 510h and one data byte after the other at 511h. It tells test kernels that have no ACPI parser
 * how much RAM and how many processors there are; there is no DMA interface and there are no files.
 */
public final class FwCfg implements PortDevice {
  /** The selector, 16 bits; the data port is the next one. */
  public static final int SELECTOR = 0x510;

  /** How many ports there are. */
  public static final int PORTS = 2;

  private static final int SIGNATURE = 0x00;
  private static final int INTERFACES = 0x01;
  private static final int RAM_SIZE = 0x03;
  private static final int PROCESSORS = 0x05;
  private static final int MAX_PROCESSORS = 0x0f;

  /** "QEMU", little-endian, which says that the device is there. */
  private static final long SIGNATURE_VALUE = 0x554d_4551L;

  private static final long TRADITIONAL_ONLY = 1;

  private final long ramBytes;
  private final int processors;

  /** The selected item's bytes that were not read yet; zeros follow the last. */
  private long item = SIGNATURE_VALUE;

  /** Makes the device. */
  public FwCfg(long ramBytes, int processors) {
    this.ramBytes = ramBytes;
    this.processors = processors;
  }

  @Override
  public int readPort(int port, int size) {
    if (port == SELECTOR || size != 1) {
      return 0;
    }
    int value = (int) item & 0xff;
    item >>>= 8;
    return value;
  }

  @Override
  public void writePort(int port, int size, int value) {
    if (port != SELECTOR || size != 2) {
      return;
    }
    item =
        switch (value) {
          case SIGNATURE -> SIGNATURE_VALUE;
          case INTERFACES -> TRADITIONAL_ONLY;
          case RAM_SIZE -> ramBytes;
          case PROCESSORS, MAX_PROCESSORS -> processors;
          default -> 0;
        };
  }
}
