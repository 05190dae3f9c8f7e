/** `onegate.sh` told to end at any moment: nothing that it started outlives it, and no file of it is left. */

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { runGuest } from "../support/guest-command.ts";
import { scratchDirectory } from "../support/house.ts";
import { scriptedGate } from "../support/scripted-gate.ts";
import { processesWith, SCRIPT, type ShGuest, shGuest } from "../support/sh-guest.ts";
import { signallingScript } from "../support/sh-signals.ts";

const scratch = scratchDirectory("onegate-sh-signals");
const copy = join(scratch.path, "onegate.sh");
const MOMENTS = signallingScript(copy, { GRACE_S: "1" });
const VM = '{"VM":{"ID":"7","NAME":"seven"}}';
let count = 0;

afterAll(() => scratch.remove());

/** A command of the copy; what it and its children are known by is `mark`, and its files are in `temporary`. */
function start(
  guest: ShGuest,
  url: string,
  args: readonly string[],
  changes: Readonly<Record<string, string>>,
) {
  count += 1;
  const mark = `MARK=${scratch.path}/${count};`;
  const temporary = join(scratch.path, `tmp-${count}`);
  mkdirSync(temporary);
  const [program, ...words] = guest.command.map((word) => (word === SCRIPT ? copy : word));
  const context = { CONTEXT_DIR: scratch.path, ONEGATE_ENDPOINT: url, TOKENTXT: "c2VjcmV0", VMID: "7" };
  const running = runGuest([program ?? "", ...words, ...args], {
    ...context,
    TMPDIR: temporary,
    PATH: guest.path(scratch.path),
    MARK: mark.slice(5),
    ...changes,
  });
  return { ...running, mark, temporary };
}

/** What was killed with its group goes in its own time, which nothing tells; files are gone with the command. */
async function leavesNothing({ mark, temporary }: { mark: string; temporary: string }): Promise<void> {
  expect(readdirSync(temporary)).toEqual([]);
  await vi.waitFor(() => expect(processesWith("environ", mark)).toEqual([]), {
    timeout: 20_000,
    interval: 20,
  });
}

const READY = { REPORT_READY: "YES", READY_SCRIPT: "true", RETRY_COUNT: "2", RETRY_WAIT_PERIOD: "0" };
const WATCH = ["watch", "--once", "--exec", "cat"];
const DASH = shGuest({ shell: "dash", client: "curl" });
/** With one failure first there is a second try, after a pause. */
const FAILS_FIRST = [
  [503, "later"],
  [200, VM],
] as const;
const DASH_WGET = shGuest({ shell: "dash", client: "wget" });
const BUSYBOX = shGuest({ shell: "busybox", client: "busybox" });

const CASES = [
  { guest: DASH_WGET, args: ["vm", "show"], answers: FAILS_FIRST, signal: "TERM", code: 143 },
  { guest: BUSYBOX, args: ["vm", "show"], signal: "HUP", code: 129 },
  { guest: DASH, args: WATCH, signal: "INT", code: 0 },
  { guest: BUSYBOX, args: ["ready"], answers: FAILS_FIRST, signal: "TERM", code: 1 },
  { guest: DASH, args: ["doctor"], signal: "INT", code: 130 },
].map((each) => ({
  answers: [[200, VM]] as const,
  ...each,
  title: `${each.args[0]} under ${each.guest.name}, by SIG${each.signal}`,
}));

describe.concurrent("onegate.sh told to end just when a process is started, noted or waited for", () => {
  it.each(CASES)(
    "$title",
    async ({ guest, args, answers, signal, code }) => {
      if (guest.lacks !== undefined) return console.log(`Skipped, since ${guest.lacks}.`);
      const gate = await scriptedGate();
      let met = 0;
      try {
        for (const AT of MOMENTS) {
          gate.script(...answers);
          const ended = start(guest, gate.url, args, { AT, SIGNAL: signal, ...READY });
          const end = await ended.ended;
          // Some moments others have: those of a watch, of nc, of a second try.
          if (end.code === code) met += 1;
          else expect({ AT, ...end }).toMatchObject({ AT, code: 0 });
          await leavesNothing(ended);
        }
      } finally {
        await gate.close();
      }
      expect(met).toBeGreaterThan(MOMENTS.length / 3);
    },
    60_000,
  );
});

describe.each([DASH, BUSYBOX].map((guest) => [guest.name, guest] as const))(
  "onegate.sh watch under %s",
  (_, guest) => {
    const COMMAND = "sleep 1000 & echo begun; sleep 1000";

    it.skipIf(guest.lacks).each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
      "ends a command with all it started, some time after %s, and minds no second",
      async (signal) => {
        const gate = await scriptedGate();
        gate.script([200, VM]);
        const running = start(guest, gate.url, ["watch", "--exec", COMMAND], {});
        await running.prints("begun");
        running.child.kill(signal);
        running.child.kill(signal);
        // Its output ends only when nothing is left that could write to it.
        expect(await running.ended).toMatchObject({ code: 0, out: "begun\n" });
        await leavesNothing(running);
        await gate.close();
      },
    );
  },
);
