package io.ringside.devices;

/** A set of interrupt vectors 0 to 255: the shape of IRR, ISR and TMR (SDM volume 3, 11.8.4). */
final class VectorSet {
  private final int[] words = new int[8];

  boolean contains(int vector) {
    return (words[vector >>> 5] & 1 << (vector & 31)) != 0;
  }

  void add(int vector) {
    words[vector >>> 5] |= 1 << (vector & 31);
  }

  void remove(int vector) {
    words[vector >>> 5] &= ~(1 << (vector & 31));
  }

  void set(int vector, boolean member) {
    if (member) {
      add(vector);
    } else {
      remove(vector);
    }
  }

  /** The highest member, or -1. */
  int highest() {
    for (int i = 7; i >= 0; i--) {
      if (words[i] != 0) {
        return 32 * i + 31 - Integer.numberOfLeadingZeros(words[i]);
      }
    }
    return -1;
  }

  /** Members {@code 32 * index} to {@code 32 * index + 31}, as the register of that index shows them. */
  int word(int index) {
    return words[index];
  }

  void clear() {
    for (int i = 0; i < 8; i++) {
      words[i] = 0;
    }
  }
}
