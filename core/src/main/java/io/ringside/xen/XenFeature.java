package io.ringside.xen;

/** What a kernel can say that it needs or supports: numbers and names. Source: {@code public/features.h}. */
final class XenFeature {
  static final int AUTO_TRANSLATED_PHYSMAP = 2;
  static final int SUPERVISOR_MODE_KERNEL = 3;
  static final int HVM_CALLBACK_VECTOR = 8;
  static final int DOM0 = 11;

  // spotless:off
  private static final String[] NAMES = {
    "writable_page_tables", "writable_descriptor_tables", "auto_translated_physmap", "supervisor_mode_kernel",
    "pae_pgdir_above_4gb", "", "", "", "hvm_callback_vector", "", "", "dom0",
  };
  // spotless:on

  private XenFeature() {}

  /** The number that goes with a name in a list of features, -1 where no such list may have it. */
  static int number(String name) {
    for (int i = 0; i < NAMES.length; i++) {
      if (!name.isEmpty() && NAMES[i].equals(name)) {
        return i;
      }
    }
    return -1;
  }

  /** The name of a feature that {@link #number} knows. */
  static String name(int number) {
    return NAMES[number];
  }
}
