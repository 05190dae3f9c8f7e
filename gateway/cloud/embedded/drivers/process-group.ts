/**
 * All processes of one guest, and signals to them. They are the session of its init, and those that left it: known
 * by the guest's own uid where it has one, else by the CONTEXT_DIR they were started with. Without an own uid, a process
 * that both left the session and emptied its environment escapes us.
 */

import type { Clock } from "../../../../shared/clock.ts";
import { delay } from "../../../../shared/delay.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { type GuestOwner, isOwnedBy } from "../../../../shared/guests/process-owner.ts";
import {
  livingStat,
  type ProcessIdentity,
  type ProcessStat,
  readStat,
} from "../../../../shared/guests/process-proc.ts";
import type { ProcessTable } from "./process-table.ts";

export interface Membership {
  readonly table: ProcessTable;
  /** The init; undefined when only what an earlier one left is sought. */
  readonly leader: ProcessIdentity | undefined;
  readonly owner: GuestOwner;
}

const POLL_MS = 20;

/** After SIGKILL a process may still sit in an uninterruptible wait, but not for ever. */
const MAX_KILL_WAIT_MS = 10_000;

/** How often new processes may outrun a freeze before we let it be: a second. */
const MAX_FREEZE_LOOKS = 50;

/** The guest's living processes. */
export async function membersOf({ table, leader, owner }: Membership): Promise<readonly ProcessStat[]> {
  const rows = await table.read();
  const leaderNow = leader && readStat(leader.pid);
  // Linux gives a session's number to no one else while a process of it lives. When its leader is gone it may have got a
  // new life all the same, so with an own uid to go by it is not trusted any more.
  const ours = leaderNow ? leaderNow.startTicks === leader?.startTicks : owner.uid === undefined;
  return rows.filter((row) => (ours && row.sessionId === leader?.pid) || isOwnedBy(row, owner));
}

/**
 * Ends all of them: SIGTERM, `graceMs` of time, then SIGKILL; with no grace SIGKILL at once. Resolves when none is left.
 * @throws GatehouseError `unavailable` when some outlive even SIGKILL for ten seconds.
 */
export async function endMembers(membership: Membership, clock: Clock, graceMs: number): Promise<void> {
  let signalled: readonly ProcessStat[] = [];
  for (let waitedMs = 0; waitedMs <= graceMs + MAX_KILL_WAIT_MS; waitedMs += POLL_MS) {
    const hard = waitedMs >= graceMs;
    signalled = signalled.filter((stat) => livingStat(stat));
    // A walk over /proc is dear, so between signals only those already known are looked at.
    if (signalled.length === 0 || hard) {
      signalled = await membersOf(membership);
      if (signalled.length === 0) return;
      if (hard) {
        signalMembers(signalled, membership.leader, "SIGKILL");
      } else {
        signalMembers(signalled, membership.leader, "SIGTERM");
        // A frozen process could not act on it.
        signalMembers(signalled, membership.leader, "SIGCONT");
      }
    }
    await delay(clock, POLL_MS);
  }
  const pids = signalled.map((stat) => stat.pid).join(", ");
  throw new GatehouseError("unavailable", `Processes ${pids} of the guest did not end after SIGKILL.`);
}

/**
 * Freezes all of them, and those they made meanwhile. A shell waits in state D for its child between vfork and exec,
 * and never stops when the child was frozen right there: such a child may run until its parent has stopped.
 */
export async function stopMembers(membership: Membership, clock: Clock): Promise<void> {
  for (let look = 0; look < MAX_FREEZE_LOOKS; look += 1) {
    const members = await membersOf(membership);
    const moving = members.filter((stat) => stat.state !== "T");
    if (moving.length === 0) return;
    signalMembers(moving, membership.leader, "SIGSTOP");
    const waiting = new Set(moving.filter((stat) => stat.state === "D").map((stat) => stat.pid));
    for (const child of members.filter((stat) => waiting.has(stat.parentPid))) send(child.pid, "SIGCONT");
    await delay(clock, POLL_MS);
  }
}

/** Lets all of them go on. */
export async function continueMembers(membership: Membership): Promise<void> {
  signalMembers(await membersOf(membership), membership.leader, "SIGCONT");
}

/** The init's group gets the signal as one, so that no fork slips between; the others each their own. */
function signalMembers(
  members: readonly ProcessStat[],
  leader: ProcessIdentity | undefined,
  signal: NodeJS.Signals,
): void {
  const groupId = leader?.pid;
  if (groupId !== undefined && members.some((stat) => stat.groupId === groupId)) send(-groupId, signal);
  for (const member of members) {
    if (member.groupId !== groupId && livingStat(member)) send(member.pid, signal);
  }
}

function send(target: number, signal: NodeJS.Signals): void {
  // 0 and -1 mean "my own group" and "everybody", -1 as a group is init's; no guest is any of them.
  if (Math.abs(target) <= 1) return;
  try {
    process.kill(target, signal);
  } catch {
    // Gone a moment ago; the next look at /proc tells.
  }
}
