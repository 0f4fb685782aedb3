/**
 * The {@code ringside} command: arguments, the console on standard input and output, the time limit, exit statuses, and
 * {@code doctor}. {@code MachineRunner} is where a machine is made and run.
 */
package io.ringside.cli;
