package io.ringside.hvm;

import io.ringside.host.HostException;
import io.ringside.host.HostMapping;
import io.ringside.host.KvmFile;
import io.ringside.host.NativeMemory;
import io.ringside.machine.GuestMemory;
import io.ringside.machine.InterruptChips;
import io.ringside.machine.InterruptLine;

/**
 * A VM of KVM: guest RAM as memory slots and, if so wanted, the interrupt chips in the host's kernel. The same pages are
 * the guest's RAM and the VMM's, so devices and boot see what the guest sees.
 */
public final class KvmVm implements AutoCloseable {
  /** The device of the KVM API. */
  public static final String DEVICE = "/dev/kvm";

  /** Where VT-x without unrestricted-guest mode keeps three pages of a TSS and one of page tables, in the PCI hole. */
  private static final long TSS_ADDRESS = 0xfffb_d000L;

  private static final long IDENTITY_MAP_ADDRESS = 0xfffb_c000L;
  private static final int PIT_SPEAKER_DUMMY = 1;

  private static final int ISA_IRQS = 16;
  private static final int IO_APIC_INPUTS = 24;
  private static final int PIC_MASTER = 0;
  private static final int PIC_SLAVE = 1;
  private static final int IO_APIC = 2;
  private static final int ROUTING_IRQCHIP = 1;
  private static final int ROUTING_ENTRY_SIZE = 48;

  private final HostMapping scratchMapping = HostMapping.anonymous(4096, 0, 4096);
  private final NativeMemory scratch = scratchMapping.memory();
  private final KvmFile device;
  private final KvmFile vm;
  private boolean hasChips;

  /**
   * Opens KVM and makes a VM with that RAM.
   *
   * @throws HostException if KVM can't be used
   */
  public KvmVm(GuestMemory ram) {
    device = KvmFile.open(DEVICE);
    int version = device.must("KVM_GET_API_VERSION", KvmApi.GET_API_VERSION, 0);
    if (version != KvmApi.VERSION) {
      throw new HostException(
          DEVICE + " speaks version " + version + " of the KVM API, not 12; use --method bt");
    }
    require(KvmApi.CAP_USER_MEMORY, "user memory");
    require(KvmApi.CAP_IMMEDIATE_EXIT, "immediate_exit (Linux 4.11)");
    vm = device.create("the VM", KvmApi.CREATE_VM, 0);
    vm.must("KVM_SET_TSS_ADDR", KvmApi.SET_TSS_ADDR, TSS_ADDRESS);
    scratch.putLong(0, IDENTITY_MAP_ADDRESS);
    vm.must("KVM_SET_IDENTITY_MAP_ADDR", KvmApi.SET_IDENTITY_MAP_ADDR, scratch.address());
    addMemory(0, 0, ram.lowEnd(), ram);
    if (ram.highEnd() != 0) {
      long start = GuestMemory.HIGH_RAM_START;
      addMemory(1, start, ram.highEnd() - start, ram);
    }
    if (supports(KvmApi.CAP_EXIT_ON_EMULATION_FAILURE)) {
      enable(KvmApi.CAP_EXIT_ON_EMULATION_FAILURE, 1);
    }
  }

  private void addMemory(int slot, long gpa, long size, GuestMemory ram) {
    scratch.putInt(0, slot);
    scratch.putInt(4, 0);
    scratch.putLong(8, gpa);
    scratch.putLong(16, size);
    scratch.putLong(24, ram.hostAddress() + gpa);
    vm.must("KVM_SET_USER_MEMORY_REGION", KvmApi.SET_USER_MEMORY_REGION, scratch.address());
  }

  private void require(int capability, String name) {
    if (!supports(capability)) {
      throw new HostException("this host's KVM lacks " + name + "; use --method bt");
    }
  }

  private void enable(int capability, long argument) {
    scratch.fill(0, 104, 0);
    scratch.putInt(0, capability);
    scratch.putLong(8, argument);
    vm.must("KVM_ENABLE_CAP", KvmApi.ENABLE_CAP, scratch.address());
  }

  /** Whether the host's KVM has a capability (KVM_CAP_...). */
  boolean supports(int capability) {
    return device.ioctl(KvmApi.CHECK_EXTENSION, capability) > 0;
  }

  /**
   * Has the host's kernel emulate the interrupt controllers and the interval timer; before the first vCPU is made.
   *
   * @throws HostException if it can't
   */
  public InterruptChips createInterruptChips() {
    require(KvmApi.CAP_IRQCHIP, "in-kernel interrupt controllers");
    require(KvmApi.CAP_PIT2, "an in-kernel interval timer");
    vm.must("KVM_CREATE_IRQCHIP", KvmApi.CREATE_IRQCHIP, 0);
    scratch.fill(0, 64, 0);
    scratch.putInt(0, PIT_SPEAKER_DUMMY);
    vm.must("KVM_CREATE_PIT2", KvmApi.CREATE_PIT2, scratch.address());
    routeInterrupts();
    hasChips = true;
    InterruptLine[] lines = new InterruptLine[ISA_IRQS];
    for (int irq = 0; irq < ISA_IRQS; irq++) {
      lines[irq] = new Line(irq);
    }
    return irq -> lines[irq];
  }

  /** Every line to the same input of PICs and I/O APIC, but IRQ 0 to input 2 of the latter, as the ACPI tables tell. */
  private void routeInterrupts() {
    int entries = 0;
    for (int irq = 0; irq < ISA_IRQS; irq++) {
      if (irq != 2) {
        route(entries++, irq, irq < 8 ? PIC_MASTER : PIC_SLAVE, irq & 7);
        route(entries++, irq, IO_APIC, irq == 0 ? 2 : irq);
      }
    }
    for (int input = ISA_IRQS; input < IO_APIC_INPUTS; input++) {
      route(entries++, input, IO_APIC, input);
    }
    scratch.putInt(0, entries);
    scratch.putInt(4, 0);
    vm.must("KVM_SET_GSI_ROUTING", KvmApi.SET_GSI_ROUTING, scratch.address());
  }

  private void route(int entry, int gsi, int chip, int pin) {
    long at = 8 + (long) entry * ROUTING_ENTRY_SIZE;
    scratch.fill(at, ROUTING_ENTRY_SIZE, 0);
    scratch.putInt(at, gsi);
    scratch.putInt(at + 4, ROUTING_IRQCHIP);
    scratch.putInt(at + 16, chip);
    scratch.putInt(at + 20, pin);
  }

  /** Whether {@link #createInterruptChips} was called. */
  boolean hasChips() {
    return hasChips;
  }

  /** Makes vCPU {@code index}. */
  KvmFile createVcpu(int index) {
    return vm.create("the vCPU", KvmApi.CREATE_VCPU, index);
  }

  /** The size of a vCPU's struct kvm_run with what follows it, in bytes. */
  int runSize() {
    return device.must("KVM_GET_VCPU_MMAP_SIZE", KvmApi.GET_VCPU_MMAP_SIZE, 0);
  }

  /** Fills a struct kvm_cpuid2, whose size it has, with what the host's processor and KVM can show to a guest. */
  void supportedCpuid(NativeMemory table) {
    device.must("KVM_GET_SUPPORTED_CPUID", KvmApi.GET_SUPPORTED_CPUID, table.address());
  }

  @Override
  public void close() {
    vm.close();
    device.close();
    scratchMapping.close();
  }

  /** One wire into the chips. Called with the machine's lock held, as all lines are. */
  private final class Line implements InterruptLine {
    private final int gsi;
    private boolean level;

    Line(int gsi) {
      this.gsi = gsi;
    }

    @Override
    public void set(boolean asserted) {
      if (asserted != level) {
        level = asserted;
        scratch.putInt(0, gsi);
        scratch.putInt(4, asserted ? 1 : 0);
        vm.must("KVM_IRQ_LINE", KvmApi.IRQ_LINE, scratch.address());
      }
    }
  }
}
