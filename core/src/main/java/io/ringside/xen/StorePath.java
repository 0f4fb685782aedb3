package io.ringside.xen;

/** Paths in XenStore. Source: {@code docs/misc/xenstore.txt} of Xen. */
final class StorePath {
  /** How long a path may be, after {@code /local/domain/N/} if it starts so (XENSTORE_REL_PATH_MAX). */
  static final int MAX_LENGTH = 2048;

  private static final String DOMAINS = "/local/domain/";

  private StorePath() {}

  /** The path that a domain's relative paths are relative to. */
  static String ofDomain(int domid) {
    return DOMAINS + domid;
  }

  /** Whether an absolute path may be a node's. */
  static boolean isValid(String path) {
    int length = path.length();
    if (length == 0 || path.charAt(0) != '/') {
      return false;
    }
    for (int i = 1; i < length; i++) {
      char c = path.charAt(i);
      boolean allowed =
          c >= 'a' && c <= 'z'
              || c >= 'A' && c <= 'Z'
              || c >= '0' && c <= '9'
              || c == '-'
              || c == '_'
              || c == '@'
              || c == '/' && path.charAt(i - 1) != '/' && i + 1 < length;
      if (!allowed) {
        return false;
      }
    }
    return length <= domainPrefix(path) + MAX_LENGTH;
  }

  private static int domainPrefix(String path) {
    if (!path.startsWith(DOMAINS)) {
      return 0;
    }
    int end = DOMAINS.length();
    while (end < path.length() && end < DOMAINS.length() + 5 && isDigit(path.charAt(end))) {
      end++;
    }
    boolean complete = end > DOMAINS.length() && end < path.length() && path.charAt(end) == '/';
    return complete ? end + 1 : 0;
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  /** The parent of any path but {@code /}, whose parent is itself. */
  static String parent(String path) {
    int slash = path.lastIndexOf('/');
    return slash <= 0 ? "/" : path.substring(0, slash);
  }

  /** The last part. */
  static String name(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /** The path of a node's child. */
  static String child(String path, String name) {
    return path.equals("/") ? "/" + name : path + "/" + name;
  }

  /** Whether a path is below another or is it. */
  static boolean isBelow(String path, String top) {
    return top.equals("/")
        || path.startsWith(top)
            && (path.length() == top.length() || path.charAt(top.length()) == '/');
  }
}
