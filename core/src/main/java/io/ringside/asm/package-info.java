/** The assembler for the code that Ringside emits. */
package io.ringside.asm;
