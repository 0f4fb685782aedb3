package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PrivilegedOpsTest {
  private final ServiceGuest guest = new ServiceGuest();

  private long call(int number, int command, int version, int domain) {
    guest.ram.putInt(guest.buffer, command);
    guest.ram.putInt(guest.buffer + 4, version);
    guest.ram.putShort(guest.buffer + 8, domain);
    return guest.call(number, ServiceGuest.BUFFER);
  }

  @ParameterizedTest
  @CsvSource({"7, 0x3000001, 136", "35, 0x15, 136", "36, 0x15, 144"})
  void theInterfaceIsCheckedBeforeTheRights(int number, int version, int size) {
    assertThat(call(number, 2, version, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(number, 2, version + 1, 0)).isEqualTo(-Errno.EACCES);
    assertThat(guest.call(number, ServiceGuest.NOWHERE)).isEqualTo(-Errno.EFAULT);
    assertThat(guest.call(number, ServiceGuest.NOWHERE - size + 1)).isEqualTo(-Errno.EFAULT);
    assertThat(guest.call(number, ServiceGuest.NOWHERE - size)).isEqualTo(-Errno.EACCES);
    assertThat(guest.call(number, Layout.HYPERVISOR_START)).isEqualTo(-Errno.EFAULT);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 99, -1",
    "2, 7, -1",
    "2, 99, -3",
    "2, 0x7ff0, -3",
    "5, 0, -1",
    "5, 3, -1",
    "5, 8, -3",
    "37, 0x7ff1, -1",
    "37, 0x7ff4, -3",
    "45, 0x7ff4, -1",
    "45, 99, -3",
  })
  void domctlLooksForTheDomainFirst(int command, int domain, long result) {
    assertThat(call(HypercallNumber.DOMCTL, command, 0x15, domain)).isEqualTo(result);
  }

  @Test
  void thePagingContinuation() {
    int number = HypercallNumber.PAGING_DOMCTL_CONT;
    assertThat(call(number, 10, 0x15, 0)).isEqualTo(-Errno.EPERM);
    assertThat(call(number, 10, 0x15, 99)).isEqualTo(-Errno.ESRCH);
    assertThat(call(number, 11, 0x15, 0)).isEqualTo(-Errno.EOPNOTSUPP);
    assertThat(call(number, 10, 0x14, 0)).isEqualTo(-Errno.EOPNOTSUPP);
    assertThat(guest.call(number, ServiceGuest.NOWHERE)).isEqualTo(-Errno.EFAULT);
  }

  @ParameterizedTest
  @ValueSource(ints = {HypercallNumber.KEXEC_OP, HypercallNumber.HYPFS_OP, HypercallNumber.MCA})
  void forbiddenWithoutALook(int number) {
    assertThat(guest.call(number, ServiceGuest.NOWHERE, ServiceGuest.NOWHERE))
        .isEqualTo(-Errno.EPERM);
  }

  @Test
  void thereAreNoVirtualPerformanceCounters() {
    assertThat(guest.call(HypercallNumber.XENPMU_OP, 0, ServiceGuest.BUFFER))
        .isEqualTo(-Errno.EOPNOTSUPP);
  }

  @ParameterizedTest
  @ValueSource(ints = {11, 27, 31, 34, 38, 39, 41, 43, 47, 50, 55, 63, 64, 1 << 20, -1})
  void notThere(int number) {
    assertThat(guest.call(number, 0, ServiceGuest.BUFFER)).isEqualTo(-Errno.ENOSYS);
  }
}
