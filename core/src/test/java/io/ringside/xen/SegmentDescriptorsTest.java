package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SegmentDescriptorsTest {
  private static final long KERNEL_CODE = 0x00af_9b00_0000_ffffL;
  private static final long USER_CODE = 0x00af_fb00_0000_ffffL;
  private static final long TASK_STATE = 0x0000_8900_0000_0067L;

  private final TestGuest guest = new TestGuest();

  private long setGdt(int entries, long... mfns) {
    return guest.call(HypercallNumber.SET_GDT, guest.arguments(mfns), entries);
  }

  private long update(long maddr, long descriptor) {
    return guest.call(HypercallNumber.UPDATE_DESCRIPTOR, maddr, descriptor);
  }

  @Test
  void whatDescriptorsBecome() {
    assertThat(SegmentDescriptors.adjust(KERNEL_CODE)).isEqualTo(USER_CODE);
    assertThat(SegmentDescriptors.adjust(TASK_STATE)).isEqualTo(-1);
    assertThat(SegmentDescriptors.adjust(TASK_STATE & ~0x8000_0000_0000L))
        .as("not present")
        .isNotEqualTo(-1);
    assertThat(SegmentDescriptors.adjust(0x0000_8000_1234_5678L)).isEqualTo(0x0000_8000_1234_5678L);
    assertThat(SegmentDescriptors.adjust(0x1234_ec00_e033_5678L))
        .as("a call gate of DPL 3 loses it")
        .isEqualTo(0x1234_8c00_e033_5678L);
    assertThat(SegmentDescriptors.adjust(0x1234_ec00_e008_5678L)).as("to Xen's code").isEqualTo(-1);
    assertThat(SegmentDescriptors.adjust(0x1234_ec01_e033_5678L)).as("reserved bits").isEqualTo(-1);
    assertThat(SegmentDescriptors.adjust(0x1234_ee00_e033_5678L))
        .as("interrupt gate")
        .isEqualTo(-1);
  }

  @Test
  void setsTheGdt() {
    guest.put(1, 2, KERNEL_CODE);
    guest.protect(1);
    guest.protect(2);
    assertThat(setGdt(513, guest.mfn(1), guest.mfn(2))).isZero();
    assertThat(guest.vcpu.descriptor(2 << 3)).isEqualTo(USER_CODE);
    assertThat(guest.vcpu.descriptor(513 << 3)).isZero();
    assertThat(guest.vcpu.descriptor(Layout.FLAT_CS64)).isEqualTo(USER_CODE);
    assertThat(guest.vcpu.descriptor(Layout.FLAT_SS)).isEqualTo(0x00cf_f300_0000_ffffL);
    assertThat(guest.vcpu.descriptor(0xe008)).as("Xen's own").isZero();
    assertThat(guest.cpu.calls).contains("descriptors");
    PageTypes types = guest.domain.types();
    assertThat(types.isUsedAs(guest.mfn(2), PageTypes.SEGMENT)).isTrue();
    assertThat(setGdt(0)).isZero();
    assertThat(types.isUsed(guest.mfn(2))).isFalse();
    assertThat(guest.vcpu.descriptor(2 << 3)).isZero();
  }

  @Test
  void refusesGdts() {
    assertThat(setGdt(1, guest.mfn(1))).as("writable").isEqualTo(-Errno.EINVAL);
    guest.put(1, 2, TASK_STATE);
    guest.protect(1);
    assertThat(setGdt(1, guest.mfn(1))).as("a TSS in it").isEqualTo(-Errno.EINVAL);
    assertThat(setGdt(7169)).isEqualTo(-Errno.EINVAL);
    assertThat(setGdt(-1)).isEqualTo(-Errno.EINVAL);
    assertThat(guest.call(HypercallNumber.SET_GDT, 0x1000, 1)).isEqualTo(-Errno.EFAULT);
    guest.protect(2);
    assertThat(setGdt(1024, guest.mfn(2), 1)).as("Xen's frame").isEqualTo(-Errno.EINVAL);
    assertThat(guest.domain.types().isUsed(guest.mfn(2))).isFalse();
  }

  @Test
  void updatesDescriptors() {
    guest.protect(1);
    setGdt(8, guest.mfn(1));
    assertThat(update(guest.maddr(1) + 16, KERNEL_CODE)).isZero();
    assertThat(guest.vcpu.descriptor(2 << 3)).isEqualTo(USER_CODE);
    assertThat(update(guest.maddr(1) + 16, TASK_STATE)).isEqualTo(-Errno.EINVAL);
    assertThat(update(guest.maddr(1) + 12, KERNEL_CODE)).isEqualTo(-Errno.EINVAL);
    assertThat(update(guest.maddr(3), KERNEL_CODE)).as("ordinary memory").isZero();
    assertThat(update(guest.maddr(TestGuest.L1), KERNEL_CODE)).isEqualTo(-Errno.EINVAL);
    assertThat(update(4096, KERNEL_CODE)).as("Xen's").isEqualTo(-Errno.EINVAL);
    assertThat(guest.domain.types().count(guest.mfn(1))).isEqualTo(1);
  }
}
