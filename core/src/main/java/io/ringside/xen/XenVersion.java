package io.ringside.xen;

import java.nio.charset.StandardCharsets;

/**
 * xen_version: what hypervisor this is. Source: {@code public/version.h}, {@code public/features.h}; what an
 * unprivileged domain is told: Xen's {@code kernel.c}. Texts are padded with zeros to the size that the ABI gives them.
 */
final class XenVersion {
  /** 4.17, as version and subversion in the halves of a word. */
  static final int VERSION = 4 << 16 | 17;

  private static final int GET_VERSION = 0;
  private static final int EXTRAVERSION = 1;
  private static final int COMPILE_INFO = 2;
  private static final int CAPABILITIES = 3;
  private static final int CHANGESET = 4;
  private static final int PLATFORM_PARAMETERS = 5;
  private static final int GET_FEATURES = 6;
  private static final int PAGE_SIZE = 7;
  private static final int GUEST_HANDLE = 8;
  private static final int COMMAND_LINE = 9;
  private static final int BUILD_ID = 10;

  private static final String DENIED = "<denied>";

  // Features, by their bits.
  private static final int PAE_PGDIR_ABOVE_4GB = 1 << 4;
  private static final int MMU_PT_UPDATE_PRESERVE_AD = 1 << 5;
  private static final int HIGHMEM_ASSIST = 1 << 6;
  private static final int GNTTAB_MAP_AVAIL_BITS = 1 << 7;
  private static final int MEMORY_OP_VNODE_SUPPORTED = 1 << 13;
  private static final int DIRECT_MAPPED = 1 << 17;

  /** VMASST_TYPE_pae_extended_cr3. */
  private static final int ASSIST_PAE_EXTENDED_CR3 = 3;

  private final Domain domain;

  XenVersion(Domain domain) {
    this.domain = domain;
  }

  /** xen_version; {@code argument} is where the answer goes. */
  long operation(PvVcpu caller, int command, long argument) {
    GuestAccess access = caller.access();
    return switch (command) {
      case GET_VERSION -> VERSION;
      case EXTRAVERSION -> text(access, argument, "-ringside", 16);
      case COMPILE_INFO -> {
        text(access, argument, "javac", 64);
        text(access, argument + 64, "ringside", 16);
        text(access, argument + 80, "", 32);
        yield text(access, argument + 112, "", 32);
      }
      case CAPABILITIES -> text(access, argument, "xen-3.0-x86_64 ", 1024);
      case CHANGESET -> text(access, argument, "unavailable", 64);
      case PLATFORM_PARAMETERS -> {
        access.writeLong(argument, Layout.HYPERVISOR_START);
        yield 0;
      }
      case GET_FEATURES -> features(access, argument);
      case PAGE_SIZE -> argument == 0 ? 4096 : -Errno.EINVAL;
      case GUEST_HANDLE -> {
        byte[] handle = domain.handle();
        access.write(argument, handle, 0, handle.length);
        yield 0;
      }
      case COMMAND_LINE -> text(access, argument, DENIED, DENIED.length() + 1);
      case BUILD_ID -> -Errno.EPERM;
      default -> -Errno.ENOSYS;
    };
  }

  private static long text(GuestAccess access, long gva, String text, int size) {
    byte[] padded = new byte[size];
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, padded, 0, bytes.length);
    access.write(gva, padded, 0, size);
    return 0;
  }

  private long features(GuestAccess access, long argument) {
    int submap = access.readInt(argument);
    access.readInt(argument + 4);
    if (submap != 0) {
      return -Errno.EINVAL;
    }
    int features =
        MMU_PT_UPDATE_PRESERVE_AD
            | HIGHMEM_ASSIST
            | GNTTAB_MAP_AVAIL_BITS
            | MEMORY_OP_VNODE_SUPPORTED
            | DIRECT_MAPPED;
    if (domain.assists(ASSIST_PAE_EXTENDED_CR3)) {
      features |= PAE_PGDIR_ABOVE_4GB;
    }
    access.writeInt(argument, submap);
    access.writeInt(argument + 4, features);
    return 0;
  }
}
