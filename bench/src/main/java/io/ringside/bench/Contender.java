package io.ringside.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One of those that are compared, and the command that runs it. */
enum Contender {
  NATIVE("native"),
  QEMU("QEMU TCG"),
  BT("Ringside bt"),
  PV("Ringside pv");

  private final String title;

  Contender(String title) {
    this.title = title;
  }

  /** Its name in the command line. */
  String option() {
    return name().toLowerCase(Locale.ROOT);
  }

  String title() {
    return title;
  }

  /** The command that runs the program on {@code loads}. */
  List<String> loads(Options options, BenchGuest guest, List<String> loads) throws IOException {
    if (this == NATIVE) {
      List<String> command =
          new ArrayList<>(
              List.of(
                  guest.program().toString(),
                  "-t",
                  String.valueOf(options.milliseconds()),
                  "-b",
                  guest.busybox().toString()));
      command.addAll(loads);
      return command;
    }
    return boot(options, guest, guest.initramfs(loads, options.milliseconds()), "quiet panic=-1");
  }

  /** The command that boots the kernel with an initramfs and its console on standard output; not for NATIVE. */
  List<String> boot(Options options, BenchGuest guest, Path initrd, String append) {
    String kernel = guest.kernel().toString();
    if (this == QEMU) {
      return List.of(
          options.qemu(),
          "-accel",
          "tcg",
          "-nographic",
          "-no-reboot",
          "-m",
          "512",
          "-kernel",
          kernel,
          "-initrd",
          initrd.toString(),
          "-append",
          ("console=ttyS0 " + append).strip());
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                options.ringside().toString(),
                "run",
                "--method",
                option(),
                "--memory",
                "512M",
                "--kernel",
                kernel,
                "--initrd",
                initrd.toString()));
    if (!append.isEmpty()) {
      command.add("--append");
      command.add(append);
    }
    return command;
  }
}
