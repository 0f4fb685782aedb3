package io.ringside.cpu;

/** How an emulated instruction ended; faults are thrown as {@link GuestFault} instead. */
public enum Outcome {
  /** It is done: RIP is at the next instruction to execute. */
  NEXT,
  /** As {@link #NEXT}, but no interrupt is taken before one more instruction: STI, MOV SS and POP SS. */
  NEXT_INHIBITED,
  /** A repeated string instruction has more to do: RIP is still at it, RCX, RSI and RDI have advanced. */
  REPEAT,
  /** HLT: RIP is after it. */
  HALT,
  /** The VMM is needed first: see {@link Processor#exit()}. */
  EXIT
}
