/**
 * Paravirtualization: a guest kernel that was ported to the Xen PV ABI ({@link io.ringside.xen}), executed by the engine
 * of the binary translator ({@link io.ringside.bt}) with all of its code at CPL 3, so that nothing needs replacing. {@link
 * io.ringside.pv.PvProcessor} joins the two.
 */
package io.ringside.pv;
