/**
 * The instruction set of 64-bit mode: {@link io.ringside.x86.Decoder} and {@link io.ringside.x86.Disassembler} over a
 * table of opcodes that is data ({@link io.ringside.x86.OpcodeTable}; its notation is explained at {@code OpcodeRow}). It
 * says what instructions are and what they read and write, not how they are executed, and knows no machine.
 */
package io.ringside.x86;
