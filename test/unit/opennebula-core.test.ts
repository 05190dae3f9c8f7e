import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import { vmFromDocument } from "../../gateway/cloud/document/vm.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import { ActingSessions } from "../../gateway/cloud/opennebula/acting.ts";
import { Core } from "../../gateway/cloud/opennebula/core.ts";
import { RemoteMonitoring } from "../../gateway/cloud/opennebula/monitoring.ts";
import type { OpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { readingsIn } from "../../gateway/cloud/opennebula/readings.ts";
import { refusal } from "../../gateway/cloud/opennebula/refusals.ts";
import { scheduleText } from "../../gateway/cloud/opennebula/schedule-text.ts";
import { documentText, kept, templateText } from "../../gateway/cloud/opennebula/template-text.ts";
import { readScheduleChanges } from "../../gateway/cloud/scheduled-action.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { vmReading } from "../../shared/monitor/read-vms.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { vectorsOf } from "../../shared/template/types.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { startLargeCore } from "../support/large-core.ts";
import { manualClock } from "../support/manual-clock.ts";
import { remoteCloud, SERVER, type ServedCore, serveCore } from "../support/opennebula.ts";
import { recordedDocument } from "../support/scripted-core.ts";

const alice: Actor = { uid: 2, name: "alice", gid: 1, gids: [1, 100] };

describe("a session for a user", () => {
  const password = "6ffcfbf1431c69c8a57fb79810e28b22c0278fd8d30190ed00391a3498579831";
  const at = (seconds: number) => manualClock(seconds * 1_000);

  it("is what OpenNebula's own servers make of the same password at the same time", () => {
    const sessions = new ActingSessions({ name: "serveradmin", password }, at(1_700_000_000));
    expect(sessions.for(SYSTEM)).toBe("serveradmin:oneadmin:1Np9NNCAcPTSAy8+m/y7Lp+O5i6DbD5thFnjAhn+IOY=");
  });

  it("is kept until 5 minutes before its end", () => {
    const clock = at(1_700_000_000);
    const sessions = new ActingSessions({ name: "serveradmin", password }, clock);
    const first = sessions.for(alice);
    clock.advance(1_499_000);
    expect(sessions.for(alice)).toBe(first);
    clock.advance(1_000);
    expect(sessions.for(alice)).not.toBe(first);
  });

  it("is of one group where the actor has only that one, and of all otherwise", () => {
    const sessions = new ActingSessions(SERVER, at(0));
    expect(sessions.for(alice)).toMatch(/^serveradmin:alice:[A-Za-z0-9+/=]+$/);
    expect(sessions.for({ ...alice, gid: 100, gids: [100] })).toMatch(/^serveradmin:alice:100:/);
  });

  it("is made for no name that would be read as another's", () => {
    const sessions = new ActingSessions(SERVER, at(0));
    for (const name of ["alice:0", "", "a b"]) expect(() => sessions.for({ ...alice, name })).toThrow();
  });
});

describe("a refusal of the core", () => {
  it.each([
    ["[one.vm.info] Error getting virtual machine [99].", 1024, "not_found"],
    ["[one.vm.update] User [3] : Not authorized to perform MANAGE VM [0].", 512, "forbidden"],
    ["[one.vm.update] Parse error: syntax error, unexpected $end", 2048, "bad_request"],
    [
      "[one.vm.update] Cannot update template. User Template includes a restricted attribute CPU_COST",
      8192,
      "forbidden",
    ],
    ["[one.user.allocate] Error allocating a new user. NAME is already taken by USER 3.", 16384, "conflict"],
    ["[one.vm.action] Wrong state to perform action", 2048, "wrong_state"],
    ["[one.vm.update] The resource virtual machine is locked. [7].", 32768, "locked"],
    ["[one.vm.info] Something of the database", 8192, "internal"],
    ["[one.vm.info] Not the leader", 65536, "unavailable"],
  ])("%s", (message, code, expected) => {
    const error = refusal(message, code);
    expect(error.code).toBe(expected);
    expect(error.message).toBe(message.replace(/^\[[^\]]*\] /, ""));
  });
});

describe("what the core is given", () => {
  it("writes a document as OneFlow does, unless an attribute is to go", () => {
    expect(documentText({ NAME: "xdoc", BODY: '{"a":1,"s":"q\\"x"}' })).toBe(
      '<TEMPLATE><NAME>xdoc</NAME><BODY><![CDATA[{"a":1,"s":"q\\"x"}]]></BODY></TEMPLATE>',
    );
    expect(parseTemplate(documentText({ A: {}, B: "2" }))).toEqual({ A: {}, B: "2" });
  });

  it.each([
    { action: "poweroff", time: { sinceStart: 9_000 } },
    { action: "snapshot-create", args: "nightly", time: 1_700_000_000 },
    {
      time: 1_700_000_000,
      repeat: { unit: "weekly", days: [1, 5] },
      end: { kind: "times", left: 3 },
    } as const,
    { args: "x" },
  ])("writes a scheduled action that is read as it was meant: %j", (asked) => {
    const [vector] = vectorsOf(parseTemplate(scheduleText(asked)), "SCHED_ACTION");
    expect(readScheduleChanges(vector ?? {})).toEqual(asked);
  });
});

describe("what would be XML of its own in the core", () => {
  const ending = "]]></A><SERVICE_ID>5</SERVICE_ID><A><![CDATA[";

  it("is not written, since oned writes values into CDATA sections as they are", () => {
    for (const template of [{ A: ending }, { V: { A: ending } }, { A: ["1", ending] }]) {
      expect(() => templateText(template)).toThrow('A value holds "]]>"');
      expect(() => documentText(template)).toThrow('A value holds "]]>"');
    }
    expect(() => kept(ending)).toThrow('A value holds "]]>"');
    expect(kept("]]>")).toBe("]]>");
    expect(templateText({ A: "<![CDATA[" })).toBe('A="<![CDATA["\n');
  });

  it("is written into the body of a document, which is JSON and says it otherwise", async () => {
    const { cloud: embedded, store } = await testCloud();
    const calls: string[] = [];
    const core = await serveCore(embedded, systemClock, { onCall: (call) => calls.push(call) });
    const cloud = await remoteCloud(core);
    const body = { description: ending };
    const id = await cloud.documents.allocate(SYSTEM, { type: 100, name: "s", body });
    await cloud.documents.update(SYSTEM, id, { ...body, state: 2 });
    expect((await cloud.documents.get(SYSTEM, id)).body).toEqual({ ...body, state: 2 });
    const written = calls.filter((call) => call.includes("SERVICE_ID"));
    expect(written).toHaveLength(2);
    expect(written.join("")).not.toMatch(/\]\](?:>|&gt;)&lt;\/A/);
    for (const one of [cloud, core, embedded, store]) await one.close();
  });
});

describe("readings", () => {
  it("of VMs and hosts are read as recorded", () => {
    const [vm] = readingsIn(recordedDocument("vm-monitoring"));
    expect(vm).toMatchObject({ id: 0, reading: { attributes: { CPU: "0", NETRX: "461" } } });
    const [host] = readingsIn(recordedDocument("host-monitoring"));
    expect(host?.reading.attributes).toMatchObject({ FREECPU: "7", USEDMEMORY: "5515597" });
    expect(host?.reading.attributes.ID).toBeUndefined();
  });

  it("are looked at by one timer, also when who listens went and came during a look, and hide no other", async () => {
    const large = await startLargeCore([4, 5]);
    large.write(4, `]]>${"<A>".repeat(70)}${"</A>".repeat(70)}<![CDATA[`);
    const { endpoint } = large;
    const server = { endpoint, server: SERVER, clock: systemClock, log: silentLogger, timeoutMs: 10_000 };
    const core = new Core(server);
    const clock = manualClock();
    const looked = Promise.withResolvers<CloudEvent>();
    const vm = vmFromDocument({ VM: xmlToTree(recordedDocument("vm-info")).node });
    const known = (id: number) => ({ ...vm, id, version: 1 });
    const parts = { core, clock, log: silentLogger, monitoringMs: 1_000, known, tell: looked.resolve };
    const monitoring = new RemoteMonitoring(parts);
    monitoring.start();
    clock.advance(1_000);
    monitoring.stop();
    monitoring.start();
    expect(await looked.promise).toMatchObject({ kind: "vms_monitored", vmIds: [5] });
    await nextTurn();
    expect(clock.waiting()).toBe(1);
    core.close();
    await large.close();
  });
});

describe("an OpenNebula cloud", () => {
  let embedded: EmbeddedCloud;
  let core: ServedCore;
  let cloud: OpenNebulaCloud;

  beforeEach(async () => {
    ({ cloud: embedded } = await testCloud());
    core = await serveCore(embedded);
    cloud = await remoteCloud(core);
  });

  afterEach(async () => {
    await cloud.close();
    await core.close();
    await embedded.close();
  });

  it("lets nobody in who knows a server's password, whoever they claim to be", async () => {
    await makeUser(embedded, SYSTEM, "bob");
    const session = new ActingSessions(SERVER, manualClock(Date.parse("2099-01-01"))).named("bob");
    const [, secret = ""] = /^serveradmin:(.*)$/.exec(session) ?? [];
    expect(await cloud.users.authenticate("serveradmin", secret)).toBeUndefined();
    expect(await cloud.users.authenticate("serveradmin:bob", secret.slice(4))).toBeUndefined();
    expect(await cloud.users.authenticate("bob", "bobpw")).toMatchObject({ name: "bob" });
  });

  it("leaves monitoring to OpenNebula's own daemon, and says so", async () => {
    const { monitoring } = cloud;
    const reading = { kind: "host", attributes: {}, wilds: [] } as const;
    await expect(monitoring.hostSystem(0, reading, 1)).rejects.toMatchObject({ code: "unavailable" });
    expect(() => monitoring.vmsMonitored(0, [], 1)).toThrow("a monitoring daemon of its own");
  });

  it("tells of readings, and reads what was measured", async () => {
    const vmId = await cloud.vms.allocate(SYSTEM, { NAME: "vm" });
    const watched = await remoteCloud(core, { monitoringMs: 5 });
    const running = new Promise<number>((resolve) => {
      watched.subscribe((event) => {
        if ("vm" in event && event.vm.id === vmId && event.vm.lcmState === 3)
          resolve(event.vm.history.at(-1)?.hostId ?? -1);
      });
      void watched.vms.get(SYSTEM, vmId).then((vm) => {
        if (vm.lcmState === 3) resolve(vm.history.at(-1)?.hostId ?? -1);
      });
    });
    const hostId = await running;
    const told = new Promise((resolve) => {
      watched.subscribe((event) => {
        if (event.kind === "vms_monitored") resolve(event);
      });
    });
    embedded.monitoring.vmsMonitored(hostId, [vmReading(vmId, "one", { CPU: "2.5" })], 1_700_000_000);
    expect(await told).toEqual({ kind: "vms_monitored", hostId, vmIds: [vmId], at: 1_700_000_000 });
    expect(watched.monitoring.latestVm(vmId)).toEqual({ at: 1_700_000_000, attributes: { CPU: "2.5" } });
    const history = await watched.monitoring.vmHistory(vmId, { from: 0, to: 2 ** 31, resolution: "raw" });
    expect(history?.points).toMatchObject([{ at: 1_700_000_000, names: ["CPU"], values: [2.5] }]);
    await watched.close();
  });
});
