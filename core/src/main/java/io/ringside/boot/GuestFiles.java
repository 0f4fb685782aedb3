package io.ringside.boot;

import java.nio.file.Path;

/**
 * The files that a guest starts from.
 *
 * @param kernel a kernel that {@link KernelImage} takes
 * @param initrd its initial RAM disk
 */
public record GuestFiles(Path kernel, Path initrd) {}
