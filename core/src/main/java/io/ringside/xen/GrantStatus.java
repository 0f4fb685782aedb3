package io.ringside.xen;

/** What a single operation on grants says ({@code GNTST_*}). Source: {@code public/grant_table.h}. */
final class GrantStatus {
  static final int OKAY = 0;
  static final int GENERAL_ERROR = -1;
  static final int BAD_DOMAIN = -2;
  static final int BAD_GNTREF = -3;
  static final int BAD_HANDLE = -4;
  static final int BAD_VIRT_ADDR = -5;
  static final int BAD_DEV_ADDR = -6;
  static final int PERMISSION_DENIED = -8;
  static final int BAD_PAGE = -9;
  static final int BAD_COPY_ARG = -10;
  static final int EAGAIN = -12;
  static final int NO_SPACE = -13;

  private GrantStatus() {}
}
