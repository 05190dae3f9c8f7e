import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import { hintIn } from "../../gateway/cloud/opennebula/hooks/hint.ts";
import { Hints } from "../../gateway/cloud/opennebula/hooks/hints.ts";
import {
  greeting,
  MAX_FRAME_BYTES,
  message,
  type Received,
  readyCommand,
  ZmtpReader,
} from "../../gateway/cloud/opennebula/hooks/zmtp.ts";
import type { OpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { testCloud } from "../support/embedded.ts";
import { type HookPublisher, startHookPublisher } from "../support/hook-publisher.ts";
import { remoteCloud, type ServedCore, serveCore } from "../support/opennebula.ts";

const base64 = (xml: string) => Buffer.from(xml).toString("base64");

describe("ZMTP", () => {
  it("is read the same however its bytes come (law)", () => {
    const part = fc.uint8Array({ maxLength: 600 });
    const messages = fc.array(fc.array(part, { minLength: 1, maxLength: 3 }), { maxLength: 5 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 70 })), (sent, sizes) => {
        const bytes = Buffer.concat([greeting(), readyCommand("PUB"), ...sent.map((one) => message(...one))]);
        const reader = new ZmtpReader();
        const received: Received[] = [];
        let from = 0;
        for (let turn = 0; from < bytes.length; turn += 1) {
          const size = sizes[turn % Math.max(sizes.length, 1)] ?? 1;
          received.push(...reader.feed(bytes.subarray(from, from + size)));
          from += size;
        }
        const [ready, ...rest] = received;
        expect(ready).toEqual({ kind: "command", name: "READY" });
        const frames = rest.map((one) => (one.kind === "message" ? one.frames.map((body) => [...body]) : []));
        expect(frames).toEqual(sent.map((one) => one.map((body) => [...body])));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ["another protocol", Buffer.from("HTTP/1.1 400 Bad Request\r\n".padEnd(64))],
    ["an older one", Buffer.concat([greeting().subarray(0, 10), Buffer.from([1]), greeting().subarray(11)])],
    ["a frame without end", Buffer.concat([greeting(), Buffer.from([2, 0xff, 0, 0, 0, 0, 0, 0, 0])])],
    ["unknown flags", Buffer.concat([greeting(), Buffer.from([0x80, 0])])],
    ["endless messages", Buffer.concat([greeting(), ...Array(10).fill(Buffer.from([1, 0]))])],
  ])("refuses %s", (_, bytes) => {
    expect(() => new ZmtpReader().feed(bytes)).toThrow("The hook manager sends");
    expect(MAX_FRAME_BYTES).toBeLessThan(2 ** 24);
  });
});

describe("a message of the hook manager", () => {
  const call = (name: string, ...parameters: readonly (readonly [string, number, string])[]) => {
    const inner = parameters.map(
      ([type, position, value]) =>
        `<PARAMETER><POSITION>${position}</POSITION><TYPE>${type}</TYPE><VALUE>${value}</VALUE></PARAMETER>`,
    );
    return base64(
      `<HOOK_MESSAGE><HOOK_TYPE>API</HOOK_TYPE><CALL>${name}</CALL><CALL_INFO><RESULT>1</RESULT><PARAMETERS>${inner.join("")}</PARAMETERS><EXTRA/></CALL_INFO></HOOK_MESSAGE>`,
    );
  };

  it.each([
    ["EVENT STATE VM/ACTIVE/RUNNING/5 ", "", { kind: "vm", id: 5 }],
    ["EVENT STATE HOST/MONITORED//2 ", "", { kind: "host", id: 2 }],
    ["EVENT STATE NET/READY//7 ", "", { kind: "vn", id: 7 }],
    [
      "EVENT API one.vm.update 1",
      call("one.vm.update", ["IN", 1, "****"], ["IN", 2, "9"]),
      { kind: "vm", id: 9 },
    ],
    [
      "EVENT API one.vm.action 1",
      call("one.vm.action", ["IN", 2, "hold"], ["IN", 3, "4"]),
      { kind: "vm", id: 4 },
    ],
    [
      "EVENT API one.document.allocate 1",
      call("one.document.allocate", ["IN", 2, "BODY"], ["OUT", 1, "true"], ["OUT", 2, "12"]),
      { kind: "document", id: 12 },
    ],
    ["EVENT API one.vrouter.update 1", "not base64 of XML", { kind: "vrouter", id: undefined }],
  ])("%s says where to look", (topic, payload, hint) => {
    expect(hintIn(topic, payload)).toEqual(hint);
  });

  it.each([
    [
      "EVENT API one.vm.update 1",
      [
        ["IN", 2, "9"],
        ["IN", 3, "]]><VM>"],
      ],
      { kind: "vm", id: 9 },
    ],
    [
      "EVENT API one.vm.action 1",
      [
        ["IN", 2, "<hold"],
        ["IN", 3, "4"],
      ],
      { kind: "vm", id: 4 },
    ],
    [
      "EVENT API one.vm.allocate 1",
      [
        ["IN", 2, "<A>"],
        ["OUT", 1, "true"],
        ["OUT", 2, "<![CDATA[12]]>"],
      ],
      { kind: "vm", id: 12 },
    ],
  ] as const)("%s says where to look, whatever makes its XML malformed", (topic, parameters, hint) => {
    const name = /one\.[a-z.]+/.exec(topic)?.[0] ?? "";
    expect(hintIn(topic, call(name, ...parameters))).toEqual(hint);
  });

  it.each([
    ["EVENT API one.vm.update 0", ""],
    ["EVENT API one.image.update 1", ""],
    ["EVENT SERVICE 4 ", ""],
    ["RETRY VM 3", ""],
    ["EVENT STATE VM/ACTIVE/RUNNING/99999999999 ", ""],
    ["", ""],
  ])("%j says nothing that is followed", (topic, payload) => {
    expect(hintIn(topic, payload)).toBeUndefined();
  });
});

describe("what messages name", () => {
  it("is read a few at a time, however much it is, each once, and once more when it is named meanwhile", async () => {
    const read: number[] = [];
    let reading = 0;
    let most = 0;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const vms = {
      poll: () => Promise.reject(new Error("nobody told of all")),
      async refresh(id: number) {
        reading += 1;
        most = Math.max(most, reading);
        if (id === 7 && !read.includes(7)) hints.take({ kind: "vm", id: 7 });
        read.push(id);
        await Promise.resolve();
        reading -= 1;
        if (read.length === 3_001) resolve();
      },
    };
    const hints = new Hints({ vm: vms, host: vms, vn: vms, document: vms, vrouter: vms });
    for (let id = 0; id < 3_000; id += 1) hints.take({ kind: "vm", id });
    for (let id = 100; id < 3_000; id += 1) hints.take({ kind: "vm", id });
    await done;
    expect(most).toBeLessThanOrEqual(4);
    expect(read.filter((id) => id === 7)).toHaveLength(2);
    expect(new Set(read).size).toBe(3_000);
  });
});

describe("a cloud that hears hooks", () => {
  let embedded: EmbeddedCloud;
  let core: ServedCore;
  let cloud: OpenNebulaCloud;
  let publisher: HookPublisher;
  let vmId: number;

  beforeEach(async () => {
    ({ cloud: embedded } = await testCloud());
    core = await serveCore(embedded);
    publisher = await startHookPublisher();
    vmId = await embedded.vms.allocate(SYSTEM, { NAME: "vm" }, { hold: true });
    // It would never look by itself within the test.
    cloud = await remoteCloud(core, { hooks: publisher.endpoint, pollMs: 3_600_000 });
  });

  afterEach(async () => {
    await cloud.close();
    await publisher.close();
    await core.close();
    await embedded.close();
  });

  const looks = (poolCall: string) => core.calls.filter((method) => method === poolCall).length;

  function nextEvent(): Promise<CloudEvent> {
    return new Promise((resolve) => {
      const unsubscribe = cloud.subscribe((event) => {
        unsubscribe();
        resolve(event);
      });
    });
  }

  it("tells what changed at the core, once it is told where to look", async () => {
    const stay = cloud.subscribe(() => undefined);
    await publisher.subscribed(1);
    await cloud.vms.act(SYSTEM, vmId, "release");
    const event = nextEvent();
    await embedded.vms.updateUserTemplate(SYSTEM, vmId, { READY: "YES" }, "append");
    publisher.publish(`EVENT STATE VM/ACTIVE/RUNNING/${vmId} `, "<HOOK_MESSAGE/>");
    expect(await event).toMatchObject({ vm: { id: vmId, userTemplate: { READY: "YES" } } });
    stay();
  });

  it("looks at everything once more when it is connected, since the look before may have been past what happened", async () => {
    const stay = cloud.subscribe(() => undefined);
    await publisher.subscribed(1);
    await expect.poll(() => looks("one.vmpool.infoextended"), { timeout: 30_000 }).toBeGreaterThan(1);
    stay();
  });

  it("believes nothing that a message says of an object", async () => {
    const events: CloudEvent[] = [];
    cloud.subscribe((event) => events.push(event));
    await publisher.subscribed(1);
    const forged = `<HOOK_MESSAGE><VM><ID>${vmId}</ID><STATE>6</STATE></VM></HOOK_MESSAGE>`;
    publisher.publish(`EVENT STATE VM/DONE/LCM_INIT/${vmId} `, forged);
    publisher.publish("EVENT STATE VM/DONE/LCM_INIT/999999 ", forged);
    const { promise, resolve } = Promise.withResolvers<void>();
    cloud.subscribe(() => resolve());
    await embedded.vms.updateUserTemplate(SYSTEM, vmId, { A: "1" }, "append");
    publisher.publish(`EVENT STATE VM/HOLD/LCM_INIT/${vmId} `, "");
    await promise;
    expect(events).toMatchObject([{ kind: "vm_updated", vm: { id: vmId, state: 2 } }]);
  });

  it("connects again, and looks at everything then", async () => {
    cloud.subscribe(() => undefined);
    await publisher.subscribed(1);
    await expect.poll(() => looks("one.vrouterpool.info"), { timeout: 30_000 }).toBeGreaterThan(1);
    const event = nextEvent();
    publisher.cut();
    await embedded.vms.updateUserTemplate(SYSTEM, vmId, { MISSED: "1" }, "append");
    expect(await event).toMatchObject({ vm: { userTemplate: { MISSED: "1" } } });
    await publisher.subscribed(2);
  });

  it("has one connection, however often who listens goes and comes", async () => {
    for (let times = 0; times < 3; times += 1) cloud.subscribe(() => undefined)();
    cloud.subscribe(() => undefined);
    await publisher.subscribed(1);
    const { connections } = publisher;
    publisher.cut();
    await publisher.subscribed(2);
    // A connection that nobody minds would be made again at the same time.
    expect(publisher.connections - connections).toBe(1);
  });

  it("leaves a publisher that sends what nobody can read, and comes back", async () => {
    cloud.subscribe(() => undefined);
    await publisher.subscribed(1);
    publisher.raw(Buffer.from([0xff, 0xff]));
    await publisher.subscribed(2);
  });
});
