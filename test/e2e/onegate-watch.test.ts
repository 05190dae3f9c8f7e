/** The bundled `onegate watch` and `get`, and its tokens, before servers that tell changes and such that do not. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { changeCommand } from "../../agent/guest/watch-command.ts";
import { buildBundle, GUEST_NODE, type RunningGuest, runGuest } from "../support/guest-command.ts";
import { shownVm, useGuestServers } from "../support/guest-servers.ts";
import { scratchDirectory } from "../support/house.ts";
import { manualClock } from "../support/manual-clock.ts";

const scratch = scratchDirectory("watch");
const { closers, changing, scripted } = useGuestServers();
const WAIT = { timeout: 20_000, interval: 20 };
let bundle = "";

beforeAll(async () => {
  bundle = await buildBundle(scratch.path);
});
afterAll(() => scratch.remove());

/** A command before a gate; one that still runs at the test's end is ended. */
function onegate(gate: { url: string }, ...args: string[]): RunningGuest {
  const context = { CONTEXT_DIR: scratch.path, ONEGATE_ENDPOINT: gate.url, TOKENTXT: "dG9rZW4=", VMID: "7" };
  const guest = runGuest([GUEST_NODE, bundle, ...args], context);
  closers.push(async () => {
    guest.child.kill("SIGKILL");
    await guest.ended;
  });
  return guest;
}

const done = (out: string) => ({ code: 0, out, err: "" });

describe("onegate get", () => {
  it("prints one value of the VM, of a peer or of the service", async () => {
    const gate = await changing(shownVm({ READY: "YES", LIST: { A: "b c" } }));
    expect(await onegate(gate, "vm", "get", "USER_TEMPLATE/READY").ended).toEqual(done("YES\n"));
    expect(await onegate(gate, "vm", "get", "USER_TEMPLATE/LIST").ended).toEqual(done('{"A":"b c"}\n'));
    await onegate(gate, "vm", "get", "NAME", "--id", "9").ended;
    await onegate(gate, "service", "get", "roles/a b/state").ended;
    expect(gate.asked.slice(2)).toEqual(["GET /vms/9/NAME", "GET /service/roles/a%20b/state"]);
  });

  it("ends with 1 where there is none, and with 255 where it fails", async () => {
    const gate = await changing(shownVm({}));
    const none = { code: 1, out: "", err: "ERROR: \nThere is no such value.\n" };
    expect(await onegate(gate, "vm", "get", "USER_TEMPLATE/READY").ended).toEqual(none);
    gate.fail(403);
    expect(await onegate(gate, "vm", "get", "NAME").ended).toMatchObject({
      code: 255,
      err: "ERROR: \nLater.\n",
    });
    expect(await onegate(gate, "vm", "get").ended).toMatchObject({
      code: 255,
      err: "You have to provide a PATH\n",
    });
    const { err } = await onegate(gate, "vm", "get", "../x").ended;
    expect(err).toMatch(/^ERROR: \nPATH must be names/);
  });

  it("finds it in the document of a server that knows no paths", async () => {
    const gate = await changing(shownVm({ READY: "YES" }), { etags: false });
    expect(await onegate(gate, "vm", "get", "USER_TEMPLATE/READY").ended).toEqual(done("YES\n"));
    const none = await onegate(gate, "vm", "get", "USER_TEMPLATE/NONE").ended;
    expect(none).toEqual({ code: 1, out: "", err: "ERROR: \nThere is nothing at USER_TEMPLATE/NONE.\n" });
  });
});

describe("onegate watch", () => {
  it("prints a value at first and at each change, waits for one that is not there, and ends with 0", async () => {
    const gate = await changing(shownVm({}));
    const guest = onegate(gate, "watch", "vm", "USER_TEMPLATE/LEADER", "--wait", "60");
    await gate.holds(1);
    gate.change(shownVm({ OTHER: "x" }));
    await gate.holds(1);
    gate.change(shownVm({ LEADER: "a" }));
    await guest.prints("a\n");
    await gate.holds(1);
    gate.tire();
    await gate.holds(1);
    gate.change(shownVm({ LEADER: "b" }));
    await guest.prints("b\n");
    await gate.holds(1);
    guest.child.kill("SIGTERM");
    expect(await guest.ended).toEqual(done("a\nb\n"));
  });

  it("outlives the server, and does not print again what has not changed", async () => {
    const gate = await changing(shownVm({ LEADER: "a" }));
    const guest = onegate(gate, "watch", "USER_TEMPLATE/LEADER");
    await gate.holds(1);
    gate.cut();
    await guest.says("It is asked again until it answers.");
    await gate.holds(1);
    gate.tire();
    await guest.says("OneGate answers again.");
    await gate.holds(1);
    gate.fail(503);
    await gate.askedTimes(gate.asked.length + 1);
    gate.fail(429, { "Retry-After": "1" });
    await gate.askedTimes(gate.asked.length + 1);
    gate.fail(undefined);
    await gate.holds(1);
    gate.change(shownVm({ LEADER: "b" }));
    await guest.prints("b\n");
    guest.child.kill("SIGINT");
    const { code, out, err } = await guest.ended;
    expect({ code, out }).toEqual({ code: 0, out: "a\nb\n" });
    expect(err.match(/It is asked again/g)).toHaveLength(2);
  });

  it("prints documents, each as `show` does or on one line of JSON", async () => {
    const gate = await changing(shownVm({}));
    const text = onegate(gate, "watch");
    const json = onegate(gate, "watch", "vm", "--json");
    await gate.holds(2);
    gate.change(shownVm({}, "eight"));
    await text.prints("eight");
    await json.prints("eight");
    for (const guest of [text, json]) guest.child.kill("SIGTERM");
    const line = (name: string) => `${"VM 7".padEnd(80)}\n${"NAME".padEnd(20)}: ${name}\n`;
    expect(await text.ended).toEqual(done(line("seven") + line("eight")));
    const both = [shownVm({}), shownVm({}, "eight")].map((each) => `${JSON.stringify(each)}\n`).join("");
    expect(await json.ended).toEqual(done(both));
  });

  it("runs a command on each change, one at a time, the newest state after those it missed", async () => {
    const gate = await changing(shownVm({ N: "1" }));
    const file = (name: string) => join(scratch.path, name);
    const command = `echo "$ONEGATE_VALUE" "$(cat)" >> ${file("log")}; until [ -e ${file("go")} ]; do sleep 0.02; done`;
    const guest = onegate(gate, "watch", "USER_TEMPLATE/N", "--exec", command);
    const log = () => (existsSync(file("log")) ? readFileSync(file("log"), "utf8") : "");
    await vi.waitFor(() => expect(log()).toBe("1 1\n"), WAIT);
    for (const N of ["2", "3", "4"]) {
      await gate.holds(1);
      gate.change(shownVm({ N }));
    }
    await gate.holds(1);
    expect(log()).toBe("1 1\n");
    runGuest(["touch", file("go")], {});
    await vi.waitFor(() => expect(log()).toBe("1 1\n4 4\n"), WAIT);
    gate.change(shownVm({ N: "5" }));
    await vi.waitFor(() => expect(log()).toBe("1 1\n4 4\n5 5\n"), WAIT);
    guest.child.kill("SIGTERM");
    expect(await guest.ended).toEqual(done(""));
  });

  it("waits for the first state and ends, if that is all that is wanted", async () => {
    const gate = await changing(shownVm({}));
    const first = onegate(gate, "watch", "USER_TEMPLATE/N", "--once");
    const command = onegate(gate, "watch", "USER_TEMPLATE/N", "--once", "--exec", "sleep 0.2; cat; exit 3");
    await gate.holds(2);
    gate.change(shownVm({ N: "1" }));
    expect(await first.ended).toEqual(done("1\n"));
    const err = "onegate watch: The command ended with exit code 3.\n";
    expect(await command.ended).toEqual({ code: 0, out: "1\n", err });
  });

  it("gives the last command ten seconds from when it is told to end, be that late", async () => {
    const clock = manualClock();
    const file = join(scratch.path, "begun");
    const command = changeCommand({
      command: `echo $$ > ${file}.new; mv ${file}.new ${file}; sleep 1000; true`,
      env: process.env,
      log: (line) => logged.push(line),
      clock,
    });
    const logged: string[] = [];
    const asked = new AbortController();
    command.run("1\n");
    await vi.waitFor(() => expect(existsSync(file)).toBe(true), WAIT);
    const ended = command.end(asked.signal);
    clock.advance(3_600_000);
    asked.abort();
    clock.advance(9_999);
    expect(logged).toEqual([]);
    process.kill(Number(readFileSync(file, "utf8")), 0);
    clock.advance(1);
    await ended;
    expect(logged).toEqual(["The command was killed by SIGKILL."]);
  });

  it("goes on after a command that fails, and says so", async () => {
    const gate = await changing(shownVm({ N: "1" }));
    const guest = onegate(gate, "watch", "USER_TEMPLATE/N", "--exec", 'echo "got $ONEGATE_VALUE"; exit 3');
    await guest.says("onegate watch: The command ended with exit code 3.\n");
    gate.change(shownVm({ N: "2" }));
    await guest.prints("got 2\n");
    guest.child.kill("SIGTERM");
    expect(await guest.ended).toMatchObject({ code: 0, out: "got 1\ngot 2\n" });
  });

  it("asks again and again where the server tells no changes, and says so once", async () => {
    const gate = await changing(shownVm({ N: "1" }), { etags: false });
    const guest = onegate(gate, "watch", "USER_TEMPLATE/N");
    await guest.says("This server does not tell changes as they come: it is asked every 5 s.\n");
    guest.child.kill("SIGTERM");
    expect(await guest.ended).toMatchObject({ code: 0, out: "1\n" });
  });

  it("ends with 255 and the server's words where waiting is no use", async () => {
    const gate = await changing(shownVm({}));
    gate.fail(401);
    expect(await onegate(gate, "watch").ended).toEqual({ code: 255, out: "", err: "ERROR: \nLater.\n" });
    expect((await onegate(gate, "watch", "--wait", "61").ended).err).toContain(
      "--wait must be a number from 1 to 60",
    );
  });
});

describe("onegate gets tokens", () => {
  it("of its identity, for an audience", async () => {
    const gate = await scripted();
    gate.script([200, "aaa.bbb.ccc"]);
    const asked = onegate(gate, "identity", "--audience", "https://db.example/?a=b", "--lifetime", "60");
    expect(await asked.ended).toEqual(done("aaa.bbb.ccc\n"));
    expect(gate.asked[0]?.url).toBe("/identity?audience=https%3A%2F%2Fdb.example%2F%3Fa%3Db&lifetime=60");
    expect((await onegate(gate, "identity").ended).err).toBe(
      "You have to provide an audience (--audience)\n",
    );
  });

  it("of a session, short-lived and of the scope that is asked for", async () => {
    const gate = await scripted();
    const answer = { token: "a.b.c.d.e", token_type: "session", expires_in: 60, scope: "self:read" };
    gate.script([200, JSON.stringify(answer)]);
    const asked = onegate(gate, "token", "--lifetime", "60", "--scope", "self:read");
    expect(await asked.ended).toEqual(done("a.b.c.d.e\n"));
    const request = { method: "POST", url: "/token", body: '{"lifetime_seconds":60,"scope":"self:read"}' };
    expect(gate.asked[0]).toMatchObject(request);
    expect(await onegate(gate, "token", "-j").ended).toEqual(done(`${JSON.stringify(answer, null, 2)}\n`));
    expect(gate.asked[1]?.body).toBe("{}");
    gate.script([403, "A session token cannot mint another."]);
    const { code, err } = await onegate(gate, "token").ended;
    expect({ code, err }).toEqual({ code: 255, err: "ERROR: \nA session token cannot mint another.\n" });
  });
});
