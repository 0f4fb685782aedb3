package io.ringside.bench.exits;

import io.ringside.boot.EntryState;
import io.ringside.cpu.CpuState;
import io.ringside.host.HostMapping;
import io.ringside.host.NativeMemory;
import io.ringside.hvm.HvmVcpu;
import io.ringside.hvm.KvmVm;
import io.ringside.machine.GuestMemory;

/**
 * A VM of KVM for the tiny guests: 64-bit mode, ring 0, 2 MiB of RAM at its own address and behind it, by gva, a page of
 * MMIO. HLT comes out of KVM only where the VM has no interrupt chips; the other guests have the chips, as a real guest has.
 */
final class ExitMachine implements AutoCloseable {
  private static final long RAM_SIZE = 2 << 20;
  private static final long PML4 = 0x1000;
  private static final long PDPT = 0x2000;
  private static final long DIRECTORY = 0x3000;
  private static final long CODE = 0x10_0000;
  private static final long MMIO_GVA = RAM_SIZE;

  /** Of page tables: present, writable, accessed; and of those that map: dirty, large. SDM vol. 3, 4.5. */
  private static final long TABLE = 0x23;

  private static final long LARGE_PAGE = 0xe3;
  private static final long UNCACHED = 0x10;

  private final HostMapping mapping = HostMapping.guestRam(RAM_SIZE, GuestMemory.HIGH_RAM_START, 0);
  private final KvmVm vm;
  private final HvmVcpu vcpu;

  /**
   * Makes the VM with a guest of that kind, ready to run.
   *
   * @throws io.ringside.host.HostException if KVM can't be used
   */
  ExitMachine(ExitKind kind) {
    GuestMemory memory = new GuestMemory(mapping.memory(), RAM_SIZE);
    try {
      vm = new KvmVm(memory);
    } catch (RuntimeException e) {
      mapping.close();
      throw e;
    }
    try {
      if (kind == ExitKind.HLT) {
        vcpu = HvmVcpu.withController(vm, memory, new NoInterrupts());
      } else {
        vm.createInterruptChips();
        vcpu = HvmVcpu.withChips(vm, memory);
      }
    } catch (RuntimeException e) {
      vm.close();
      mapping.close();
      throw e;
    }
    NativeMemory ram = mapping.memory();
    ram.putLong(PML4, PDPT | TABLE);
    ram.putLong(PDPT, DIRECTORY | TABLE);
    ram.putLong(DIRECTORY, LARGE_PAGE);
    ram.putLong(DIRECTORY + 8, ExitKind.MMIO_GPA | LARGE_PAGE | UNCACHED);
    byte[] code = kind.code();
    ram.write(CODE, code, 0, code.length);
    start(vcpu.state());
    vcpu.stateLoaded();
  }

  private static void start(CpuState s) {
    s.rip(CODE);
    s.rflags(EntryState.RFLAGS);
    s.gpr(CpuState.RAX, ExitKind.WRITTEN);
    s.gpr(CpuState.RDX, ExitKind.PORT);
    s.gpr(CpuState.RDI, MMIO_GVA);
    s.set(CpuState.CR0, 0x8000_0033L); // PG, NE, ET, MP, PE
    s.set(CpuState.CR3, PML4);
    s.set(CpuState.CR4, 0x20); // PAE
    s.set(CpuState.EFER, 0x500); // LMA, LME
    s.set(CpuState.XCR0, 1);
    s.segment(CpuState.CS, 0x08, EntryState.CODE_RIGHTS, EntryState.FLAT_LIMIT, 0);
    for (int segment :
        new int[] {CpuState.ES, CpuState.SS, CpuState.DS, CpuState.FS, CpuState.GS}) {
      s.segment(segment, 0x10, EntryState.DATA_RIGHTS, EntryState.FLAT_LIMIT, 0);
    }
    s.segment(CpuState.TR, 0x18, EntryState.TSS_RIGHTS, 0x67, 0);
  }

  /** The vCPU; between two of its exits anything that calls KVM_RUN may go on with it. */
  HvmVcpu vcpu() {
    return vcpu;
  }

  @Override
  public void close() {
    vcpu.close();
    vm.close();
    mapping.close();
  }
}
