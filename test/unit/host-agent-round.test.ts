/** A round of probes: ours and people's own programs, each with its limit, none at the others' cost. */

import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { composeRound, readRound } from "../../agent/host/compose.ts";
import { GroupProbes, type RoundOutcome } from "../../agent/host/group-round.ts";
import type { ProbeModule } from "../../probes/probe.ts";
import { livingStat, readStat } from "../../shared/guests/process-proc.ts";
import { manualClock } from "../support/manual-clock.ts";

const LIMIT_MS = 30_000;

interface Rig {
  readonly clock: ReturnType<typeof manualClock>;
  readonly dir: string;
  /** Writes a program into the group's folder. */
  program(name: string, text: string, mode?: number): string;
  round(): Promise<RoundOutcome>;
}

function rig(modules: readonly ProbeModule[] = []): Rig {
  const dir = mkdtempSync(join(tmpdir(), "gatehouse-round-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const clock = manualClock();
  const probes = new GroupProbes({
    group: "host/monitor",
    modules,
    probesDir: dir,
    call: {
      hypervisor: "kvm",
      hostId: 3,
      hostName: "node3",
      configurationXml: "<MONITOR_CONFIGURATION><HOST_ID>3</HOST_ID></MONITOR_CONFIGURATION>",
    },
    host: {
      hypervisor: "kvm",
      hostId: 3,
      hostName: "node3",
      procRoot: "/proc",
      sysRoot: "/sys",
      settings: { datastoreLocation: dir, processRunDir: undefined, qemuRunDir: undefined },
      random: () => 0.5,
    },
    clock,
    limitMs: LIMIT_MS,
  });
  return {
    clock,
    dir,
    program(name, text, mode = 0o755) {
      const path = join(dir, "kvm-probes.d/host/monitor", name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    },
    round: () => probes.round(new AbortController().signal),
  };
}

function ours(name: string, read: () => Promise<string>): ProbeModule {
  return { group: "host/monitor", name, create: () => ({ read }) };
}

const texts = ({ told }: RoundOutcome): string[] => told.map(({ text }) => text.trim());

test("a program is called as upstream calls it, and its text is taken", async () => {
  const { program, round } = rig();
  program("probe", '#!/bin/sh\necho "ARGS=\\"$*\\""\nprintf "XML=%s\\n" "$(cat | wc -c)"\n');
  expect(texts(await round())).toEqual(['ARGS="kvm 3 node3"\nXML=67']);
});

test("programs run in the order of their names, links are followed, and what is not executable is passed over", async () => {
  const { program, round, dir } = rig();
  program("b", "#!/bin/sh\necho B=1\n");
  program("a", "#!/bin/sh\necho A=1\n");
  program("c.txt", "C=1\n", 0o644);
  const elsewhere = join(dir, "elsewhere");
  writeFileSync(elsewhere, "#!/bin/sh\necho D=1\n", { mode: 0o755 });
  symlinkSync(elsewhere, join(dir, "kvm-probes.d/host/monitor/aa"));
  symlinkSync("/nowhere", join(dir, "kvm-probes.d/host/monitor/ab"));
  mkdirSync(join(dir, "kvm-probes.d/host/monitor/folder"));
  expect(texts(await round())).toEqual(["A=1", "D=1", "B=1"]);
});

test("a program that is dropped in later runs in the next round", async () => {
  const { program, round } = rig();
  expect(await round()).toEqual({ told: [], failures: [], asked: 0 });
  program("new", "#!/bin/sh\necho NEW=1\n");
  expect(texts(await round())).toEqual(["NEW=1"]);
});

test("one that fails is told with what it printed, and the others keep their data", async () => {
  const { program, round } = rig();
  const path = program("bad", "#!/bin/sh\necho LOST=1\necho no such card >&2\nexit 3\n");
  program("good", "#!/bin/sh\necho GOOD=1\n");
  const outcome = await round();
  expect(texts(outcome)).toEqual(["GOOD=1"]);
  expect(outcome.failures).toEqual([`Error executing ${path}: no such card`]);
});

test.each([
  ["floods", "#!/bin/sh\nhead -c 100000000 /dev/zero\n", "printed more than"],
  ["floods its standard error", "#!/bin/sh\nhead -c 100000000 /dev/zero >&2\n", "printed more than"],
  ["prints binary", "#!/bin/sh\nprintf '\\200\\201\\000'\n", "printed bytes that are no text"],
  // A shell takes it for the name of a command, and may not look everywhere.
  ["is no program", "\u0000\u0001", "not found|denied"],
  ["has an interpreter that is not there", "#!/no/such/interpreter\n", "ENOENT"],
  ["kills itself", "#!/bin/sh\nkill -9 $$\n", "ended with exit code"],
])("one that %s harms nobody", async (_, text, reason) => {
  const { program, round } = rig([ours("fine", async () => "FINE=1")]);
  program("a-bad", text);
  program("b-good", "#!/bin/sh\necho GOOD=1\n");
  const outcome = await round();
  expect(texts(outcome)).toEqual(["FINE=1", "GOOD=1"]);
  expect(outcome.failures).toHaveLength(1);
  expect(outcome.failures[0]).toMatch(new RegExp(reason));
});

test("one that hangs is killed with its children at its limit, and the next one runs", async () => {
  const { program, round, clock, dir } = rig();
  const pids = join(dir, "pids");
  program("a-hangs", `#!/bin/sh\nsleep 1000 &\necho "$$ $!" >${pids}.new && mv ${pids}.new ${pids}\nwait\n`);
  program("b-good", "#!/bin/sh\necho GOOD=1\n");
  const outcome = round();
  await until(() => readOr(pids) !== "");
  const started = readOr(pids).trim().split(" ").map(Number);
  const identities = started.flatMap((pid) => readStat(pid) ?? []);
  expect(identities).toHaveLength(2);
  clock.advance(LIMIT_MS);
  expect(texts(await outcome)).toEqual(["GOOD=1"]);
  expect((await outcome).failures[0]).toContain("did not end within 30 s");
  await until(() => identities.every((identity) => livingStat(identity) === undefined));
});

test("a probe of ours that hangs is told as failed, and passed over until it comes back", async () => {
  const hang = Promise.withResolvers<string>();
  let calls = 0;
  const hanging = ours("hangs", () => {
    calls += 1;
    return hang.promise;
  });
  const { round, clock } = rig([hanging, ours("fine", async () => "FINE=1")]);
  const first = round();
  await until(() => clock.waiting() > 0);
  clock.advance(LIMIT_MS);
  expect((await first).failures).toEqual(["Error executing host/monitor/hangs: did not end within 30 s"]);
  expect(texts(await first)).toEqual(["FINE=1"]);
  const second = await round();
  expect(second.failures[0]).toContain("has not come back");
  expect(calls).toBe(1);
  hang.resolve("LATE=1");
  await new Promise((resolve) => setImmediate(resolve));
  expect(texts(await round())).toEqual(["LATE=1", "FINE=1"]);
});

test("text that is no template costs its own probe alone", () => {
  const outcome = {
    told: [
      { probe: "a", text: "A=1\n" },
      { probe: "b", text: "this is = [ no template" },
      { probe: "c", text: "C=1\n" },
    ],
    failures: [],
    asked: 3,
  };
  const head = { oid: 3, timestamp: 1 };
  const read = readRound("MONITOR_HOST", head, outcome);
  const [failure, success] = composeRound("MONITOR_HOST", head, read);
  expect(failure).toMatchObject({ status: "FAILURE", reading: { kind: "failure" } });
  expect(success?.reading).toMatchObject({ attributes: { A: "1", C: "1" } });
});

/** For what another process does; nothing tells when it has. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
