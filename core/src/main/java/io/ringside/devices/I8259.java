package io.ringside.devices;

/**
 * One 8259A programmable interrupt controller (Intel 8259A data sheet, order 231468). {@link PicPair} puts two of them
 * into a PC. Its ports are numbered 0 (A0 low) and 1 (A0 high).
 */
final class I8259 {
  /** Which inputs ELCR may make level-triggered. */
  private final int levelCapable;

  /** The input that another 8259A drives, as a bit; it is a level, as that chip's INT is. 0 in a slave. */
  private final int cascade;

  private int irr;
  private int imr = 0xff;
  private int isr;
  private int lines;
  private int level;
  private int vectorBase;

  /** The initialisation word that is expected next (2 to 4), or 0 when initialised. */
  private int expecting;

  private boolean needsIcw4;
  private boolean single;
  private boolean autoEoi;
  private boolean rotateOnAutoEoi;
  private boolean specialMask;
  private boolean specialFullyNested;
  private boolean readIsr;
  private boolean poll;

  /** The input with the highest priority; rotation moves it. */
  private int top;

  /** A controller as firmware leaves it: initialised to {@code vectorBase}, with all inputs masked. */
  I8259(int vectorBase, int levelCapable, int cascade) {
    this.vectorBase = vectorBase;
    this.levelCapable = levelCapable;
    this.cascade = cascade;
    this.level = cascade;
  }

  /** Drives one of the eight inputs. An edge is kept until it is acknowledged; a level is as the input is. */
  void setLine(int input, boolean asserted) {
    int bit = 1 << input;
    if (asserted) {
      if ((level & bit) != 0 || (lines & bit) == 0) {
        irr |= bit;
      }
      lines |= bit;
    } else {
      lines &= ~bit;
      if ((level & bit) != 0) {
        irr &= ~bit;
      }
    }
  }

  /** Whether INT is asserted. */
  boolean output() {
    return highestRequest() >= 0;
  }

  /** The input that an acknowledge would serve, or -1. */
  int highestRequest() {
    int requests = irr & ~imr;
    if (requests == 0) {
      return -1;
    }
    // In special mask mode a masked input in service no longer holds back lower ones ("Special Mask
    // Mode").
    int blocking = specialMask ? isr & ~imr : isr;
    // A cascade input may interrupt itself in special fully nested mode, for a higher request of
    // the same slave.
    if (specialFullyNested) {
      blocking &= ~cascade;
    }
    for (int i = 0; i < 8; i++) {
      int input = (top + i) & 7;
      if ((blocking & 1 << input) != 0) {
        return -1;
      }
      if ((requests & 1 << input) != 0) {
        return input;
      }
    }
    return -1;
  }

  /** INTA: moves the highest request into service. Without one it is a spurious request on input 7 ("IR7"). */
  int acknowledge() {
    int input = highestRequest();
    if (input < 0) {
      return 7;
    }
    int bit = 1 << input;
    if ((level & bit) == 0) {
      irr &= ~bit;
    }
    if (autoEoi) {
      if (rotateOnAutoEoi) {
        top = (input + 1) & 7;
      }
    } else {
      isr |= bit;
    }
    return input;
  }

  int vectorBase() {
    return vectorBase;
  }

  int readElcr() {
    return level & levelCapable;
  }

  void writeElcr(int value) {
    level = value & levelCapable | cascade;
    irr = (irr & ~level) | (lines & level);
  }

  int read(int a0) {
    if (poll) {
      // A read after the poll command is the acknowledge ("Poll Command"): bit 7 says whether there
      // was a request.
      poll = false;
      int input = highestRequest();
      return input < 0 ? 0 : 0x80 | acknowledge();
    }
    if (a0 == 1) {
      return imr;
    }
    return readIsr ? isr : irr;
  }

  void write(int a0, int value) {
    if (a0 == 0) {
      if ((value & 0x10) != 0) {
        initialise(value);
      } else if ((value & 0x08) != 0) {
        writeOcw3(value);
      } else {
        writeOcw2(value);
      }
      return;
    }
    switch (expecting) {
      case 2 -> {
        vectorBase = value & 0xf8;
        expecting = single ? afterIcw3() : 3;
      }
      case 3 -> expecting = afterIcw3();
      case 4 -> {
        specialFullyNested = (value & 0x10) != 0;
        autoEoi = (value & 0x02) != 0;
        expecting = 0;
      }
      default -> imr = value;
    }
  }

  private int afterIcw3() {
    return needsIcw4 ? 4 : 0;
  }

  /** ICW1: clears the mask, the edge sense, the priorities and the modes ("Initialization Command Words"). */
  private void initialise(int icw1) {
    // LTIM (bit 3) is not wired on a PC with ELCR; the cascade wiring of ICW3 is fixed.
    needsIcw4 = (icw1 & 1) != 0;
    single = (icw1 & 2) != 0;
    expecting = 2;
    irr = lines & level;
    imr = 0;
    isr = 0;
    top = 0;
    specialMask = false;
    readIsr = false;
    poll = false;
    autoEoi = false;
    specialFullyNested = false;
    rotateOnAutoEoi = false;
  }

  private void writeOcw3(int value) {
    if ((value & 0x40) != 0) {
      specialMask = (value & 0x20) != 0;
    }
    if ((value & 0x04) != 0) {
      poll = true;
    } else if ((value & 0x02) != 0) {
      readIsr = (value & 0x01) != 0;
    }
  }

  private void writeOcw2(int value) {
    int input = value & 7;
    switch (value >>> 5) {
      case 0 -> rotateOnAutoEoi = false;
      case 1 -> endOfInterrupt(false);
      case 3 -> isr &= ~(1 << input);
      case 4 -> rotateOnAutoEoi = true;
      case 5 -> endOfInterrupt(true);
      case 6 -> top = (input + 1) & 7;
      case 7 -> {
        isr &= ~(1 << input);
        top = (input + 1) & 7;
      }
      default -> {
        // No operation.
      }
    }
  }

  /** Non-specific EOI: the highest input in service; in special mask mode a masked one is not touched. */
  private void endOfInterrupt(boolean rotate) {
    int candidates = specialMask ? isr & ~imr : isr;
    for (int i = 0; i < 8; i++) {
      int input = (top + i) & 7;
      if ((candidates & 1 << input) != 0) {
        isr &= ~(1 << input);
        if (rotate) {
          top = (input + 1) & 7;
        }
        return;
      }
    }
  }
}
