package io.ringside.devices;

import io.ringside.machine.InterruptController;
import io.ringside.machine.MachineLock;
import io.ringside.machine.MmioBus;
import io.ringside.machine.MmioDevice;
import io.ringside.machine.Timers;
import java.util.function.IntSupplier;

/**
 * The local APIC of one processor (SDM volume 3, chapter 11; section numbers below are its own), as xAPIC on a page of
 * the processor's MMIO bus and as x2APIC through MSRs. The methods of {@link InterruptController} take the machine's lock
 * themselves; everything else is called with it held.
 *
 * <p>Simplifications that no system notices: the delivery status is always idle, interrupts arrive at once, and a
 * fixed-mode LINT pin is edge-triggered whatever its LVT says.
 */
public final class LocalApic implements InterruptController, MmioDevice {
  /** Where the APIC page is after reset. */
  public static final long DEFAULT_BASE = 0xfee0_0000L;

  private static final long BASE_BSP = 1 << 8;
  private static final long BASE_X2APIC = 1 << 10;
  private static final long BASE_ENABLE = 1 << 11;

  /** IA32_APIC_BASE: bits 7 to 0, 9, and above a 52-bit address are reserved (11.4.4). */
  private static final long BASE_RESERVED = 0xfff0_0000_0000_02ffL;

  private static final long PAGE = ~0xfffL;

  /** Version 14h, 6 LVT entries, no EOI-broadcast suppression (11.4.8). */
  private static final int VERSION = 0x0005_0014;

  // Registers by number: the xAPIC's offset divided by 16, and the x2APIC's MSR less 800h (11.4.1,
  // 11.12.1.2).
  private static final int ID = 0x02;
  private static final int VERSION_REGISTER = 0x03;
  private static final int TPR = 0x08;
  private static final int PPR = 0x0a;
  private static final int EOI = 0x0b;
  private static final int LDR = 0x0d;
  private static final int DFR = 0x0e;
  private static final int SVR = 0x0f;
  private static final int ISR = 0x10;
  private static final int TMR = 0x18;
  private static final int IRR = 0x20;
  private static final int ESR = 0x28;
  private static final int ICR_LOW = 0x30;
  private static final int ICR_HIGH = 0x31;
  private static final int LVT_TIMER = 0x32;
  private static final int LVT_PERFORMANCE = 0x34;
  private static final int LVT_LINT0 = 0x35;
  private static final int LVT_LINT1 = 0x36;
  private static final int LVT_ERROR = 0x37;
  private static final int TIMER_INITIAL = 0x38;
  private static final int TIMER_CURRENT = 0x39;
  private static final int TIMER_DIVIDE = 0x3e;
  private static final int SELF_IPI = 0x3f;

  private static final int MASKED = 1 << 16;
  private static final int SVR_ENABLE = 1 << 8;

  /** Error status (11.5.3). */
  private static final int SEND_ILLEGAL_VECTOR = 0x20;

  private static final int RECEIVE_ILLEGAL_VECTOR = 0x40;
  private static final int ILLEGAL_REGISTER = 0x80;

  /** What software can write in each LVT entry, from the timer's on (11.5.1). */
  private static final int[] LVT_WRITABLE = {
    0x7_00ff, 0x1_07ff, 0x1_07ff, 0x1_a7ff, 0x1_a7ff, 0x1_00ff
  };

  private final int id;
  private final MachineLock lock;
  private final ApicBus bus;
  private final MmioBus mmio;
  private final IntSupplier externalAcknowledge;
  private final ApicTimer timer;
  private final PerformanceAlarm performanceAlarm;

  private final VectorSet irr = new VectorSet();
  private final VectorSet isr = new VectorSet();
  private final VectorSet tmr = new VectorSet();
  private final int[] lvt = new int[LVT_WRITABLE.length];
  private long base;
  private int tpr;
  private int logicalId;
  private int destinationFormat;
  private int spurious;
  private int errors;
  private int errorStatus;
  private int icrLow;
  private int icrHigh;

  private boolean lint0;
  private boolean lint1;
  private boolean externalMessage;

  private volatile boolean pending;
  private volatile boolean nmi;
  private volatile boolean initOrStartup;
  private boolean init;
  private boolean waitsForStartup;
  private int startupVector = -1;
  private Runnable interruptChanged = new Nothing();

  /**
   * Makes a local APIC as it is after power-up, in xAPIC mode.
   *
   * @param id the APIC ID; 0 is the bootstrap processor's
   * @param lock the machine's lock
   * @param bus where interrupt messages go
   * @param mmio the processor's own MMIO bus, on which the APIC claims and moves its page
   * @param timers makes the timer
   * @param tsc the guest's TSC, for TSC deadlines
   * @param externalAcknowledge the acknowledge cycle of what is behind LINT0: gives the vector
   */
  @SuppressWarnings("this-escape") // The buses only keep it.
  public LocalApic(
      int id,
      MachineLock lock,
      ApicBus bus,
      MmioBus mmio,
      Timers timers,
      TscClock tsc,
      IntSupplier externalAcknowledge) {
    this.id = id;
    this.lock = lock;
    this.bus = bus;
    this.mmio = mmio;
    this.externalAcknowledge = externalAcknowledge;
    this.timer = new ApicTimer(timers, tsc, new TimerFired());
    this.performanceAlarm = new PerformanceAlarm(timers, tsc, new CounterOverflowed());
    this.base = DEFAULT_BASE | BASE_ENABLE | (id == 0 ? BASE_BSP : 0);
    this.waitsForStartup = id != 0;
    reset();
    bus.attach(this);
    mmio.claim(DEFAULT_BASE, 0x1000, this);
  }

  /** The state after power-up or INIT, but for the ID and the base (11.4.7). */
  private void reset() {
    irr.clear();
    isr.clear();
    tmr.clear();
    for (int i = 0; i < lvt.length; i++) {
      lvt[i] = MASKED;
    }
    tpr = 0;
    logicalId = 0;
    destinationFormat = -1;
    spurious = 0xff;
    errors = 0;
    errorStatus = 0;
    icrLow = 0;
    icrHigh = 0;
    timer.reset();
    externalMessage = false;
    update();
  }

  /**
   * Leaves the APIC as a PC's firmware hands it over (MP specification 1.4, 3.6.2.2, virtual wire mode): enabled, the PIC's
   * INTR on LINT0 as ExtINT, NMI on LINT1.
   */
  public void enterVirtualWireMode() {
    spurious = SVR_ENABLE | 0xff;
    lvt[LVT_LINT0 - LVT_TIMER] = 0x8000 | ApicBus.EXTINT << 8;
    lvt[LVT_LINT1 - LVT_TIMER] = 0x8000 | ApicBus.NMI << 8;
    update();
  }

  /**
   * Sets what runs, with the lock held, whenever {@link #hasPending} turns true or an NMI, INIT or startup message arrives.
   */
  public void onInterrupt(Runnable callback) {
    interruptChanged = callback;
  }

  /** The APIC ID. */
  public int id() {
    return id;
  }

  // What the processor asks.

  @Override
  public boolean hasPending() {
    return pending;
  }

  @Override
  public int acknowledge() {
    lock.lock();
    try {
      if (externalPending()) {
        externalMessage = false;
        int vector = externalAcknowledge.getAsInt();
        update();
        return vector;
      }
      int vector = deliverable();
      if (vector >= 0) {
        irr.remove(vector);
        isr.add(vector);
        bus.acknowledged(vector);
      }
      update();
      return vector;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean hasNmi() {
    return nmi;
  }

  @Override
  public boolean takeNmi() {
    if (!nmi) {
      return false;
    }
    lock.lock();
    try {
      boolean taken = nmi;
      nmi = false;
      return taken;
    } finally {
      lock.unlock();
    }
  }

  /** Whether {@link #takeInit} or {@link #takeStartup} has something. Lock-free. */
  public boolean hasInitOrStartup() {
    return initOrStartup;
  }

  /** Takes an INIT message: true if there was one. The APIC is reset, and the processor must wait for a startup message. */
  public boolean takeInit() {
    lock.lock();
    try {
      boolean taken = init;
      init = false;
      if (taken) {
        waitsForStartup = true;
        reset();
      }
      initOrStartup = startupVector >= 0;
      return taken;
    } finally {
      lock.unlock();
    }
  }

  /** Takes a startup message: its vector (the processor starts in real mode at {@code vector << 12}), or -1. */
  public int takeStartup() {
    lock.lock();
    try {
      int vector = init ? -1 : startupVector;
      if (vector >= 0) {
        startupVector = -1;
        waitsForStartup = false;
        initOrStartup = false;
      }
      return vector;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int readCr8() {
    return tpr >>> 4; // Only this processor writes it: no lock.
  }

  @Override
  public void writeCr8(int value) {
    lock.lock();
    try {
      tpr = (value & 0xf) << 4;
      update();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long readApicBase() {
    return base;
  }

  @Override
  public boolean writeApicBase(long value) {
    lock.lock();
    try {
      boolean wasX2 = isX2apic();
      boolean enable = (value & BASE_ENABLE) != 0;
      boolean x2 = (value & BASE_X2APIC) != 0;
      // Of the transitions, xAPIC to x2APIC is the only way in and disabling the only way out
      // (11.12.5).
      if ((value & BASE_RESERVED) != 0
          || (x2 && !enable)
          || (wasX2 && enable && !x2)
          || (!isEnabled() && x2)) {
        return false;
      }
      if (isMapped()) {
        mmio.release(base & PAGE);
      }
      boolean wasEnabled = isEnabled();
      base = value;
      if (wasEnabled && !enable) {
        reset();
      }
      if (isMapped()) {
        mmio.claim(base & PAGE, 0x1000, this);
      }
      update();
      return true;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long readTscDeadline() {
    lock.lock();
    try {
      return timer.deadline();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void writeTscDeadline(long value) {
    lock.lock();
    try {
      timer.setDeadline(value);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void armPerformanceInterrupt(long ticks) {
    lock.lock();
    try {
      performanceAlarm.arm(ticks);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long readX2apic(int msr) {
    lock.lock();
    try {
      int register = msr - 0x800;
      if (!isX2apic() || !isReadableInX2apic(register)) {
        throw new IllegalArgumentException(
            "x2APIC MSR 0x" + Integer.toHexString(msr) + " can't be read");
      }
      if (register == ICR_LOW) {
        return (long) icrHigh << 32 | Integer.toUnsignedLong(icrLow);
      }
      return Integer.toUnsignedLong(readRegister(register));
    } finally {
      lock.unlock();
    }
  }

  private static boolean isReadableInX2apic(int register) {
    return switch (register) {
      case ID,
          VERSION_REGISTER,
          TPR,
          PPR,
          LDR,
          SVR,
          ESR,
          ICR_LOW,
          TIMER_INITIAL,
          TIMER_CURRENT,
          TIMER_DIVIDE ->
          true;
      default ->
          (register >= ISR && register < ESR) || (register >= LVT_TIMER && register <= LVT_ERROR);
    };
  }

  @Override
  public boolean writeX2apic(int msr, long value) {
    lock.lock();
    try {
      int register = msr - 0x800;
      if (!isX2apic()) {
        return false;
      }
      if (register == ICR_LOW) {
        icrHigh = (int) (value >>> 32);
        sendIpi((int) value);
        return true;
      }
      if (register == SELF_IPI) {
        if (value >>> 8 != 0) {
          return false;
        }
        sendIpi(1 << 18 | (int) value);
        return true;
      }
      if ((value & ~writableInX2apic(register)) != 0 || writableInX2apic(register) < 0) {
        return false;
      }
      writeRegister(register, (int) value);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** The bits that WRMSR may set in a register, others raising #GP (11.12.1.2); -1 if it can't be written at all. */
  private static long writableInX2apic(int register) {
    return switch (register) {
      case TPR -> 0xff;
      case EOI, ESR -> 0;
      case SVR -> 0x1ff;
      case TIMER_INITIAL -> 0xffff_ffffL;
      case TIMER_DIVIDE -> 0xb;
      default ->
          register >= LVT_TIMER && register <= LVT_ERROR ? LVT_WRITABLE[register - LVT_TIMER] : -1;
    };
  }

  // The xAPIC page: 32-bit registers at offsets that are multiples of 16 (11.4.1).

  @Override
  public long readMmio(long offset, int size) {
    int register = (int) offset >>> 4;
    if ((offset & 0xf) > 3) {
      return 0;
    }
    return Integer.toUnsignedLong(readRegister(register)) >>> 8 * (offset & 3);
  }

  @Override
  public void writeMmio(long offset, int size, long value) {
    if ((offset & 0xf) == 0) {
      writeRegister((int) offset >>> 4, (int) value);
    }
  }

  private int readRegister(int register) {
    return switch (register) {
      case ID -> isX2apic() ? id : id << 24;
      case VERSION_REGISTER -> VERSION;
      case TPR -> tpr;
      case PPR -> processorPriority();
      case LDR -> isX2apic() ? (id >>> 4) << 16 | 1 << (id & 15) : logicalId;
      case DFR -> destinationFormat;
      case SVR -> spurious;
      case ESR -> errorStatus;
      case ICR_LOW -> icrLow;
      case ICR_HIGH -> icrHigh;
      case TIMER_INITIAL -> timer.initialCount();
      case TIMER_CURRENT -> timer.currentCount();
      case TIMER_DIVIDE -> timer.divideConfiguration();
      default -> readArray(register);
    };
  }

  private int readArray(int register) {
    if (register >= ISR && register < ESR) {
      VectorSet set = register < TMR ? isr : register < IRR ? tmr : irr;
      return set.word(register & 7);
    }
    if (register >= LVT_TIMER && register <= LVT_ERROR) {
      return lvt[register - LVT_TIMER];
    }
    if (register != 0x09 && register != EOI && register != 0x0c) { // APR, EOI and RRD read as zero.
      error(ILLEGAL_REGISTER);
    }
    return 0;
  }

  private void writeRegister(int register, int value) {
    switch (register) {
      case TPR -> {
        tpr = value & 0xff;
        update();
      }
      case EOI -> endOfInterrupt();
      case LDR -> logicalId = value & 0xff00_0000;
      case DFR -> destinationFormat = value | 0x0fff_ffff;
      case SVR -> writeSpurious(value);
      case ESR -> {
        errorStatus = errors; // A write makes the errors since the last one readable (11.5.3).
        errors = 0;
      }
      case ICR_LOW -> sendIpi(value);
      case ICR_HIGH -> icrHigh = value & 0xff00_0000;
      case TIMER_INITIAL -> timer.setInitialCount(value);
      case TIMER_DIVIDE -> timer.setDivideConfiguration(value);
      case ID, VERSION_REGISTER, PPR, TIMER_CURRENT -> {
        // Read-only here; the ID is what the firmware's tables say.
      }
      default -> {
        if (register >= LVT_TIMER && register <= LVT_ERROR) {
          writeLvt(register - LVT_TIMER, value);
        } else {
          error(ILLEGAL_REGISTER);
        }
      }
    }
  }

  private void writeSpurious(int value) {
    spurious = value & 0x1ff;
    if (!isSoftwareEnabled()) {
      for (int i = 0; i < lvt.length; i++) {
        lvt[i] |= MASKED; // 11.4.7.2
      }
    }
    update();
  }

  private void writeLvt(int index, int value) {
    lvt[index] = value & LVT_WRITABLE[index] | (isSoftwareEnabled() ? 0 : MASKED);
    if (index == 0) {
      timer.setMode(value >>> 17 & 3);
    }
    update();
  }

  private void endOfInterrupt() {
    int vector = isr.highest();
    if (vector < 0) {
      return;
    }
    isr.remove(vector);
    if (tmr.contains(vector)) {
      bus.endOfInterrupt(vector);
    }
    update();
  }

  /** A write of the low half of the interrupt command register (11.6.1). */
  private void sendIpi(int command) {
    icrLow = command & 0x000c_cfff;
    int vector = command & 0xff;
    int mode = command >>> 8 & 7;
    if (mode == ApicBus.INIT && (command & 0xc000) == 0x8000) {
      return; // INIT level de-assert only sets arbitration IDs, which are no more.
    }
    if ((mode == ApicBus.FIXED || mode == ApicBus.LOWEST_PRIORITY) && vector < 16) {
      error(SEND_ILLEGAL_VECTOR);
      return;
    }
    switch (command >>> 18 & 3) {
      case 0 -> {
        boolean logical = (command & 1 << 11) != 0;
        if (isX2apic()) {
          bus.deliver(icrHigh, -1, logical, mode, vector, false);
        } else {
          bus.deliver(icrHigh >>> 24, 0xff, logical, mode, vector, false);
        }
      }
      case 1 -> accept(mode, vector, false);
      case 2 -> bus.deliverToAll(this, true, mode, vector, false);
      default -> bus.deliverToAll(this, false, mode, vector, false);
    }
  }

  // What arrives.

  /** Whether a message's destination field means this APIC (11.6.2). */
  boolean isDestination(int destination, int broadcast, boolean logical) {
    if (!isEnabled()) {
      return false;
    }
    if (destination == broadcast) {
      return true;
    }
    if (!logical) {
      return destination == id;
    }
    if (isX2apic()) {
      return destination >>> 16 == id >>> 4 && (destination & 1 << (id & 15)) != 0;
    }
    int own = logicalId >>> 24;
    if (destinationFormat >>> 28 == 0xf) {
      return (own & destination) != 0;
    }
    return own >>> 4 == destination >>> 4 && (own & destination & 0xf) != 0;
  }

  /** Takes an interrupt message. */
  void accept(int mode, int vector, boolean level) {
    switch (mode) {
      case ApicBus.FIXED, ApicBus.LOWEST_PRIORITY -> acceptFixed(vector, level);
      case ApicBus.NMI -> {
        nmi = true;
        interruptChanged.run();
      }
      case ApicBus.INIT -> {
        init = true;
        startupVector = -1;
        initOrStartup = true;
        interruptChanged.run();
      }
      case ApicBus.STARTUP -> {
        if (waitsForStartup || init) { // Otherwise it is ignored (8.4.3).
          startupVector = vector;
          initOrStartup = true;
          interruptChanged.run();
        }
      }
      case ApicBus.EXTINT -> {
        externalMessage = true;
        update();
      }
      default -> {
        // SMI: there is no system management mode here.
      }
    }
  }

  private void acceptFixed(int vector, boolean level) {
    if (!isSoftwareEnabled()) {
      return;
    }
    if (vector < 16) {
      error(RECEIVE_ILLEGAL_VECTOR);
      return;
    }
    irr.add(vector);
    tmr.set(vector, level);
    update();
  }

  /** Drives LINT0, on which a PC has the PIC's INTR. */
  public void setLint0(boolean asserted) {
    if (asserted != lint0) {
      lint0 = asserted;
      if (asserted) {
        localEdge(LVT_LINT0 - LVT_TIMER);
      }
      update();
    }
  }

  /** Drives LINT1, on which a PC has the NMI. */
  public void setLint1(boolean asserted) {
    if (asserted && !lint1) {
      if (isEnabled()) {
        localEdge(LVT_LINT1 - LVT_TIMER);
      } else {
        accept(ApicBus.NMI, 0, false);
      }
    }
    lint1 = asserted;
  }

  private void localEdge(int index) {
    int entry = lvt[index];
    int mode = entry >>> 8 & 7;
    if (isEnabled() && (entry & MASKED) == 0 && mode != ApicBus.EXTINT) {
      accept(mode, entry & 0xff, false);
    }
  }

  private void error(int bit) {
    boolean first = (errors & bit) == 0;
    errors |= bit;
    int entry = lvt[LVT_ERROR - LVT_TIMER];
    // An error vector that is illegal itself must not raise the next error.
    if (first && (entry & MASKED) == 0 && (entry & 0xff) >= 16) {
      acceptFixed(entry & 0xff, false);
    }
  }

  // What follows from the state.

  private boolean isEnabled() {
    return (base & BASE_ENABLE) != 0;
  }

  private boolean isX2apic() {
    return (base & BASE_X2APIC) != 0;
  }

  private boolean isMapped() {
    return isEnabled() && !isX2apic();
  }

  boolean isSoftwareEnabled() {
    return isEnabled() && (spurious & SVR_ENABLE) != 0;
  }

  /** PPR: the task priority, or the class of the highest interrupt in service if that is higher (11.8.3.1). */
  int processorPriority() {
    int inService = Math.max(isr.highest(), 0);
    return tpr >>> 4 >= inService >>> 4 ? tpr : inService & 0xf0;
  }

  /** The vector that would be delivered now, or -1. */
  private int deliverable() {
    int vector = irr.highest();
    return isEnabled() && vector >= 0 && vector >>> 4 > processorPriority() >>> 4 ? vector : -1;
  }

  private boolean externalPending() {
    if (!isEnabled()) {
      return lint0; // A disabled APIC connects LINT0 to the processor's INTR (11.4.3).
    }
    int entry = lvt[LVT_LINT0 - LVT_TIMER];
    return externalMessage || (lint0 && (entry & (MASKED | 0x700)) == ApicBus.EXTINT << 8);
  }

  private void update() {
    boolean before = pending;
    boolean now = externalPending() || deliverable() >= 0;
    if (now != before) {
      pending = now;
      if (now) {
        interruptChanged.run();
      }
    }
  }

  private final class TimerFired implements Runnable {
    @Override
    public void run() {
      int entry = lvt[0];
      if ((entry & MASKED) == 0) {
        acceptFixed(entry & 0xff, false);
      }
    }
  }

  private final class CounterOverflowed implements Runnable {
    @Override
    public void run() {
      localEdge(LVT_PERFORMANCE - LVT_TIMER);
    }
  }

  private static final class Nothing implements Runnable {
    @Override
    public void run() {}
  }
}
