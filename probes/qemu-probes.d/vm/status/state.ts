/**
 * The states of the qemu driver's VMs, as their QEMU tells them over the monitor socket that is the probes' own
 * (shared/guests/qemu-layout.ts). One that does not answer in time is UNKNOWN; one that has ended is not listed.
 */

import { z } from "zod";
import { askQmp } from "../../../../shared/guests/qmp.ts";
import { atOnce } from "../../../lib/at-once.ts";
import { findQemuGuests, isAlive, type QemuGuest } from "../../../lib/qemu-guests.ts";
import { type GuestState, vmState } from "../../../lib/text.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

/** Sockets open at a time; also 1,000 guests that hang then take no more than half a minute. */
const ASKED_AT_ONCE = 128;

/** QEMU's RunState (qapi/run-state.json). What is on its way into or out of a file or another host is RUNNING, as with kvm. */
const STATES: ReadonlyMap<string, GuestState> = new Map([
  ["running", "RUNNING"],
  ["prelaunch", "RUNNING"],
  ["inmigrate", "RUNNING"],
  ["restore-vm", "RUNNING"],
  ["save-vm", "RUNNING"],
  ["finish-migrate", "RUNNING"],
  ["postmigrate", "RUNNING"],
  ["colo", "RUNNING"],
  ["paused", "SUSPENDED"],
  ["suspended", "SUSPENDED"],
  ["debug", "SUSPENDED"],
  ["internal-error", "FAILURE"],
  ["io-error", "FAILURE"],
  ["guest-panicked", "FAILURE"],
  ["watchdog", "FAILURE"],
  ["shutdown", "POWEROFF"],
]);

const statusReply = z.object({ status: z.string() });

export const probe: ProbeModule = {
  group: "vm/status",
  name: "state",
  create: () => ({ read: readStates }),
};

async function readStates(host: ProbeHost): Promise<string> {
  const { live, unreadable } = findQemuGuests(host);
  const states = await atOnce(live, ASKED_AT_ONCE, async (guest) => {
    const state = await askState(host, guest);
    return state === undefined ? "" : vmState(guest.vmId, guest.deployId, state);
  });
  return [...states, ...unreadable.map((vmId) => vmState(vmId, "", "UNKNOWN"))].join("");
}

async function askState(host: ProbeHost, { monitor, process }: QemuGuest): Promise<GuestState | undefined> {
  try {
    const [reply] = await askQmp(monitor, ["query-status"], host);
    return STATES.get(statusReply.parse(reply).status) ?? "UNKNOWN";
  } catch {
    return hasEnded(host, process) ? undefined : "UNKNOWN";
  }
}

/** It may have ended between the look at /proc and the question. */
function hasEnded(host: ProbeHost, process: QemuGuest["process"]): boolean {
  try {
    return !isAlive(process, host.procRoot);
  } catch {
    return false;
  }
}
