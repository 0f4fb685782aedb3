/** Measures what an exit of KVM costs from Java, beside the same loop as a C compiler would make it. */
package io.ringside.bench.exits;
