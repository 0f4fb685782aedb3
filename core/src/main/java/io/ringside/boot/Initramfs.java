package io.ringside.boot;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.CRC32;

/**
 * The default guest's root file system: busybox, its names as symbolic links, and the few lines of configuration that
 * make it a system with an interactive root shell on the console.
 *
 * <p>Busybox's own init is process 1, because it gives the shell a controlling terminal (hence job control), collects
 * orphans, and answers {@code poweroff} and {@code reboot}. When the shell ends, which is also what the end of piped
 * input comes to, the machine is powered off.
 */
final class Initramfs {
  private static final int EXECUTABLE = 0755;
  private static final int READABLE = 0644;

  /** The dash makes init open the console as the session's controlling terminal. */
  private static final String INITTAB =
      """
      ::once:-/etc/session
      ::ctrlaltdel:/sbin/reboot -f
      """;

  private static final String FSTAB =
      """
      proc /proc proc nosuid,noexec,nodev 0 0
      sysfs /sys sysfs nosuid,noexec,nodev 0 0
      devtmpfs /dev devtmpfs nosuid,mode=0755 0 0
      devpts /dev/pts devpts nosuid,noexec,mode=0620,gid=5,ptmxmode=0666 0 0
      tmpfs /tmp tmpfs nosuid,nodev,mode=1777 0 0
      tmpfs /run tmpfs nosuid,nodev,mode=0755 0 0
      """;

  /** {@code mount -a} is one process for all file systems, which is quicker than one for each. */
  private static final String SESSION =
      """
      #!/bin/sh
      echo "Ringside guest: Debian kernel $(uname -r)"
      mount -t devtmpfs -o nosuid,mode=0755 devtmpfs /dev 2>/dev/null
      mkdir -p /dev/pts /dev/shm
      mount -a
      hostname ringside
      read console </sys/class/tty/console/active
      console=/dev/${console##* }
      exec 0<>$console 1>&0 2>&0
      cd /root
      HOME=/root USER=root LOGNAME=root SHELL=/bin/sh /bin/sh -l
      sync
      poweroff -f
      """;

  /** Without -f, poweroff and reboot leave the work to init, which waits some seconds for processes to end. */
  private static final String PROFILE =
      """
      export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      PS1='ringside:\\w\\$ '
      alias poweroff='poweroff -f' reboot='reboot -f' halt='halt -f'
      """;

  private static final String PASSWD =
      """
      root:x:0:0:root:/root:/bin/sh
      daemon:x:1:1:daemon:/usr/sbin:/bin/false
      nobody:x:65534:65534:nobody:/nonexistent:/bin/false
      """;

  private static final String GROUP =
      """
      root:x:0:
      daemon:x:1:
      tty:x:5:
      nogroup:x:65534:
      """;

  private static final List<String> DIRECTORIES =
      List.of(
          "bin",
          "dev",
          "dev/pts",
          "dev/shm",
          "etc",
          "mnt",
          "proc",
          "root",
          "run",
          "sbin",
          "sys",
          "tmp",
          "usr",
          "usr/bin",
          "usr/sbin",
          "var",
          "var/log",
          "var/tmp");

  private Initramfs() {}

  /** A number that changes with what this class puts into the archive, for the name under which it is kept. */
  static int fingerprint() {
    CRC32 crc = new CRC32();
    crc.update(ascii(INITTAB));
    crc.update(ascii(FSTAB));
    crc.update(ascii(SESSION));
    crc.update(ascii(PROFILE));
    crc.update(ascii(PASSWD));
    crc.update(ascii(GROUP));
    return (int) crc.getValue();
  }

  /**
   * Builds the archive, uncompressed: unpacking would cost the guest more than reading it costs the host.
   *
   * @param busybox a statically linked busybox
   * @param applets the paths of its applets, relative to the root, such as {@code bin/ls}
   */
  static byte[] build(byte[] busybox, Iterable<String> applets) {
    Cpio cpio = new Cpio();
    for (String directory : DIRECTORIES) {
      cpio.directory(
          directory,
          directory.endsWith("tmp") || directory.equals("dev/shm")
              ? 01777
              : directory.equals("root") ? 0700 : 0755);
    }
    // The kernel opens it for process 1 before anything is mounted.
    cpio.characterDevice("dev/console", 0600, 5, 1);
    cpio.characterDevice("dev/null", 0666, 1, 3);
    cpio.file("bin/busybox", EXECUTABLE, busybox);
    Set<String> links = new TreeSet<>();
    links.add("init");
    for (String applet : applets) {
      links.add(applet);
    }
    links.remove("bin/busybox");
    links.remove("linuxrc");
    for (String link : links) {
      cpio.symlink(link, "/bin/busybox");
    }
    cpio.file("etc/inittab", READABLE, ascii(INITTAB));
    cpio.file("etc/fstab", READABLE, ascii(FSTAB));
    cpio.file("etc/session", EXECUTABLE, ascii(SESSION));
    cpio.file("etc/profile", READABLE, ascii(PROFILE));
    cpio.file("etc/passwd", READABLE, ascii(PASSWD));
    cpio.file("etc/group", READABLE, ascii(GROUP));
    cpio.file("etc/hostname", READABLE, ascii("ringside\n"));
    return cpio.toBytes();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
