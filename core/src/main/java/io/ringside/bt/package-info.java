/**
 * Binary translation, x86 to x86: guest code is run as copies in which every sensitive instruction is replaced.
 *
 * <p>{@link io.ringside.bt.BtVcpu} is the vCPU: it finds or makes the unit at RIP, enters it, and acts on what it comes
 * back with. {@code Translator} makes a {@code Unit} of a run of instructions, with {@code Emitter} (registers, addresses,
 * the software TLB, ways out), {@code GenericEmitter} (instructions that are their own translation),
 * {@code StackEmitter}, {@code SystemEmitter} and {@code SystemCallEmitter}; {@code AccessGroups} finds accesses that share
 * a look-up. {@code Units}, {@code LinkSlots} and {@code CodePages} know what was made and what leads where;
 * {@code TranslationCache} holds the code, {@code Context} says where in a vCPU's context block everything is, and
 * {@code SoftTlb} keeps the tables there right. {@code Stubs}, {@code StringStubs} and {@code CrossPageStubs} are fixed
 * pieces of code that units call.
 *
 * <p>One thread only; what other threads may call says so. How it all works together is told in
 * {@code docs/binary-translation.md}.
 */
package io.ringside.bt;
