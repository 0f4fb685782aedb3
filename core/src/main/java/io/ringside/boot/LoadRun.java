package io.ringside.boot;

/**
 * A piece of a kernel that is contiguous both in a file and in guest-physical memory.
 *
 * @param gpa where it belongs
 * @param offset where it is in the file
 * @param length bytes, more than 0
 */
public record LoadRun(long gpa, long offset, long length) {}
