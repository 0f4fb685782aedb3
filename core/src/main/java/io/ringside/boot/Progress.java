package io.ringside.boot;

/** Hears what takes long. Called by the thread that works. */
public interface Progress {
  /** Work has started that a user may have to wait for; one line, without its end. */
  void step(String text);
}
