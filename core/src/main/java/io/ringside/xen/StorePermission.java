package io.ringside.xen;

/**
 * An entry of a XenStore node's permissions. The first entry's domain owns the node, and its rights are those of all
 * domains that no other entry names.
 *
 * @param domid the domain
 * @param rights {@link #READ} and {@link #WRITE}
 */
record StorePermission(int domid, int rights) {
  static final int NONE = 0;
  static final int READ = 1;
  static final int WRITE = 2;

  private static final String LETTERS = "nrwb";

  /**
   * Reads the notation of the protocol: {@code n}, {@code r}, {@code w} or {@code b} (both), and the domain's number.
   *
   * @throws StoreException EINVAL
   */
  static StorePermission parse(String text) {
    int rights = text.isEmpty() ? -1 : LETTERS.indexOf(text.charAt(0));
    if (rights < 0) {
      throw StoreException.EINVAL;
    }
    try {
      return new StorePermission((int) (long) Long.decode(text.substring(1)), rights);
    } catch (NumberFormatException _) {
      throw StoreException.EINVAL;
    }
  }

  @Override
  public String toString() {
    return LETTERS.charAt(rights) + Integer.toString(domid);
  }
}
