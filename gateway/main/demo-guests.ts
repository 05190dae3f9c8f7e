/** What makes the demo's guests: processes with the `onegate` command of the house, or QEMU with a guest that brings its own. */

import { TEST_GUEST_CONTEXT_TARGET, TEST_GUEST_KERNEL_COMMAND } from "../../shared/guests/test-guest.ts";
import type { Template } from "../../shared/template/types.ts";
import type { TestGuest } from "./test-guest.ts";

export interface DemoGuests {
  /** What they are, in the plural. */
  readonly kind: string;
  /** That runs them. */
  readonly driver: string;
  /** Of their VMs, but for the name and the network. */
  readonly template: Template;
  /** A service that is not up by then is shown as it is. */
  readonly startTimeoutMs: number;
  /** Percent of a processor, on average, above which the workers grow and below which they shrink. */
  readonly busyAbove: number;
  readonly idleBelow: number;
}

/** A minute of load for whoever writes LOAD=on into this VM. */
const LOAD_ON_DEMAND = `cat > "$HOME/load" <<'LOAD'
[ "$ONEGATE_VALUE" = on ] || exit 0
end=$(($(date +%s) + 60))
while [ "$(date +%s)" -lt "$end" ]; do
  i=0
  while [ "$i" -lt 50000 ]; do i=$((i + 1)); done
done
onegate vm update --data LOAD=off
LOAD
onegate watch vm USER_TEMPLATE/LOAD --exec "sh $HOME/load" &`;

/** The command comes with the house (guest-tools.ts); its shell twin has no agent, so a loop stands in for it. */
const PROCESS_SCRIPT = `#!/bin/sh
# A guest of the demo: everything it needs is in its environment, as in an OpenNebula VM.
onegate ready || exit 1
${LOAD_ON_DEMAND}
onegate agent --interval 5 && exit 0
while sleep 5; do
  onegate vm update --data "LOAD_1=$(cut -d ' ' -f 1 /proc/loadavg)"
done
`;

export const PROCESS_GUESTS: DemoGuests = {
  kind: "real processes",
  driver: "process",
  startTimeoutMs: 30_000,
  busyAbove: 20,
  idleBelow: 5,
  template: {
    CPU: "0.1",
    MEMORY: "64",
    CONTEXT: { TOKEN: "YES", NETWORK: "YES", REPORT_READY: "YES", START_SCRIPT: verbatim(PROCESS_SCRIPT) },
  },
};

/** The guest reports READY and pushes metrics by itself. */
const QEMU_SCRIPT = `#!/bin/sh
${LOAD_ON_DEMAND}
`;

/** Under emulation a boot takes three seconds of a processor, and the demo boots three guests. */
export function qemuGuests({ kernel, initrd }: TestGuest): DemoGuests {
  return {
    kind: "virtual machines, each with a kernel of its own,",
    driver: "qemu",
    startTimeoutMs: 120_000,
    // A boot is no load that asks for more of them; and a kernel that is emulated is never quite idle.
    busyAbove: 40,
    idleBelow: 15,
    template: {
      CPU: "0.5",
      VCPU: "1",
      MEMORY: "128",
      OS: {
        KERNEL: kernel,
        INITRD: initrd,
        KERNEL_CMD: TEST_GUEST_KERNEL_COMMAND,
      },
      CONTEXT: {
        TOKEN: "YES",
        NETWORK: "YES",
        REPORT_READY: "YES",
        SET_HOSTNAME: "$NAME",
        TARGET: TEST_GUEST_CONTEXT_TARGET,
        METRICS_INTERVAL: "5",
        START_SCRIPT: verbatim(QEMU_SCRIPT),
      },
    },
  };
}

/** A script whose variables are the shell's, not the context's. */
function verbatim(script: string): string {
  return script.replaceAll("$", "\\$");
}
