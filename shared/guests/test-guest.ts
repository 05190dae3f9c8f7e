/** How the guest of scripts/guest-image likes to be booted: known to the demo, and to the tests and benches that boot it. */

/**
 * For OS/KERNEL_CMD, beside the guest's own kernel. Emulated on a busy machine, a kernel now and then finds fault with
 * its timer; self-tests of ciphers take 0.25 s of a processor. Not `acpi=noirq`: Debian's cloud kernel then has no APIC.
 */
export const TEST_GUEST_KERNEL_COMMAND = "console=ttyS0 quiet no_timer_check cryptomgr.notests";

/** For CONTEXT/TARGET: a virtio disc is there at once, IDE takes half a second to say what it has. */
export const TEST_GUEST_CONTEXT_TARGET = "vda";
