import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { Abandoned, attempt, type Patience, RETRY_PAUSES } from "../../gateway/oneflow/engine/attempt.ts";
import { houseTime } from "../../gateway/oneflow/engine/house-time.ts";
import { Lanes } from "../../gateway/oneflow/engine/lanes.ts";
import { LogFiles, lineText } from "../../gateway/oneflow/engine/log-files.ts";
import { nameFrom } from "../../gateway/oneflow/engine/names.ts";
import { valueAt, withParentValues } from "../../gateway/oneflow/engine/parent-values.ts";
import { vmText } from "../../gateway/oneflow/engine/vm-text.ts";
import type { Role, ServiceBody } from "../../gateway/oneflow/model.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { SILENT } from "../support/embedded.ts";
import { scratchDirectory } from "../support/house.ts";
import { manualClock } from "../support/manual-clock.ts";

const unavailable = () => new GatehouseError("unavailable", "The store is full.");

describe("the time of the life cycle", () => {
  it("goes on evenly, however the wall clock is set", () => {
    const clock = manualClock(1_000);
    const now = houseTime(clock);
    clock.advance(500);
    clock.jump(-100_000);
    expect(now()).toBe(1_500);
    clock.jump(900_000);
    clock.advance(1);
    expect(now()).toBe(1_501);
  });
});

describe("a call whose outcome is not known", () => {
  const patience = (
    changes: Partial<Patience> = {},
  ): Patience & { clock: ReturnType<typeof manualClock> } => {
    const clock = manualClock();
    return { timeoutMs: 60_000, closing: new AbortController().signal, ...changes, clock };
  };

  it("is not repeated when what it makes is found", async () => {
    const patient = patience();
    let calls = 0;
    const made = attempt(
      {
        call: async () => {
          calls += 1;
          throw unavailable();
        },
        find: async () => 7,
      },
      patient,
    );
    await settle();
    patient.clock.advance(RETRY_PAUSES[0] ?? 0);
    expect(await made).toBe(7);
    expect(calls).toBe(1);
  });

  it("is repeated with growing pauses, and its reason told at the end", async () => {
    const patient = patience();
    let calls = 0;
    const call = async (): Promise<number> => {
      calls += 1;
      throw unavailable();
    };
    const refused = expect(attempt({ call, find: async () => undefined }, patient)).rejects.toThrow(
      "The store is full.",
    );
    for (const pause of RETRY_PAUSES) {
      await settle();
      patient.clock.advance(pause);
    }
    await refused;
    expect(calls).toBe(RETRY_PAUSES.length + 1);
  });

  it("is not repeated when the cloud said no", async () => {
    let calls = 0;
    const call = async (): Promise<number> => {
      calls += 1;
      throw new GatehouseError("forbidden", "No.");
    };
    await expect(attempt({ call, find: async () => 7 }, patience())).rejects.toThrow("No.");
    expect(calls).toBe(1);
  });

  it("that comes back after it was given up tells what it made too many", async () => {
    const patient = patience({ timeoutMs: 1_000 });
    const first = Promise.withResolvers<number>();
    const surplus: number[] = [];
    const calls = [first.promise, Promise.resolve(8)];
    const call = () => calls.shift() ?? Promise.reject(unavailable());
    const made = attempt({ call, find: async () => undefined, late: (id) => surplus.push(id) }, patient);
    patient.clock.advance(1_000);
    await settle();
    patient.clock.advance(RETRY_PAUSES[0] ?? 0);
    expect(await made).toBe(8);
    first.resolve(9);
    await settle();
    expect(surplus).toEqual([9]);
  });

  it("is left to the next start when the house closes", async () => {
    const closing = new AbortController();
    const patient = patience({ closing: closing.signal });
    const made = attempt({ call: () => Promise.reject(unavailable()), find: async () => 7 }, patient);
    const left = expect(made).rejects.toBeInstanceOf(Abandoned);
    await settle();
    closing.abort();
    await left;
    expect(patient.clock.waiting()).toBe(0);
  });
});

describe("calls of many services", () => {
  it("are bounded for each and for all, and take turns", async () => {
    const lanes = new Lanes({ perService: 2, inAll: 3 });
    const began: string[] = [];
    const ends = new Map<string, () => void>();
    const add = (service: number, name: string) =>
      lanes.add(service, () => {
        began.push(name);
        const { promise, resolve } = Promise.withResolvers<void>();
        ends.set(name, resolve);
        return promise;
      });
    for (const name of ["a1", "a2", "a3", "a4"]) add(1, name);
    for (const name of ["b1", "b2"]) add(2, name);
    expect(began).toEqual(["a1", "a2", "b1"]);
    ends.get("a1")?.();
    await settle();
    expect(began).toEqual(["a1", "a2", "b1", "b2"]);
    ends.get("a2")?.();
    ends.get("b1")?.();
    await settle();
    expect(began).toEqual(["a1", "a2", "b1", "b2", "a3", "a4"]);
  });
});

describe("names of what is made", () => {
  it("put each variable in once, and read nothing of what was put in", () => {
    const parts = { serviceId: 5, serviceName: "$ROLE_NAME", role: "worker", number: "0" };
    expect(nameFrom("$ROLE_NAME_$VM_NUMBER_(service_$SERVICE_ID)", parts)).toBe("worker_0_(service_5)");
    expect(nameFrom("$SERVICE_NAME $OTHER", parts)).toBe("$ROLE_NAME $OTHER");
  });
});

describe("values of parents", () => {
  const vm = {
    VM: { ID: "7", TEMPLATE: { CONTEXT: { DB_NAME: "shop" }, NIC: [{ IP: "" }, { IP: "10.0.0.1" }] } },
  };

  it("are found by their names in a row, wherever those stand", () => {
    expect(valueAt(vm, ["TEMPLATE", "CONTEXT", "DB_NAME"])).toBe("shop");
    expect(valueAt(vm, ["CONTEXT", "DB_NAME"])).toBe("shop");
    expect(valueAt(vm, ["NIC", "IP"])).toBe("10.0.0.1");
    expect(valueAt(vm, ["TEMPLATE", "DB_NAME"])).toBeUndefined();
    expect(valueAt(vm, ["CONSTRUCTOR"])).toBeUndefined();
  });

  it("take the places of their references, blank where there is none, and are not read again", () => {
    const look = (parent: string, names: readonly string[]) =>
      parent === "DB" && names.join("/") === "TEMPLATE/X" ? "$" + "{DB.template.x}" : undefined;
    const contents = { A: "a $" + "{DB.template.x} b", NIC: [{ IP: "$" + "{WEB.ip}" }] };
    expect(withParentValues(contents, look)).toEqual({ A: "a $" + "{DB.template.x} b", NIC: [{ IP: "" }] });
  });
});

describe("what a VM of a role is made with", () => {
  const role: Role = { name: "r", type: "vm", cardinality: 1, template_id: 0, state: 0 };
  const service: ServiceBody = { name: "s", deployment: "none", roles: [], state: 1, start_time: 1 };
  const alice = { uid: 2, name: "alice", gid: 1, gids: [1] };
  const source = { CPU: "1", CONTEXT: { NETWORK: "YES", FILES: "/etc/motd" }, NIC: { NETWORK: "lan" } };
  const text = (roleChanges: object, serviceChanges: object = {}, owner = alice) =>
    vmText(
      {
        serviceId: 5,
        body: { ...service, ...serviceChanges },
        role: { ...role, ...roleChanges },
        look: () => undefined,
      },
      owner,
      source,
    );

  it("names its service and role, whatever the contents say", () => {
    const contents = { SERVICE_ID: "6", role_name: "other", Memory: 64 };
    expect(text({ template_contents: contents })).toEqual({ SERVICE_ID: "5", ROLE_NAME: "r", MEMORY: "64" });
  });

  it("merges a vector into the template's one, and puts an array in the place of what is there", () => {
    const contents = { CONTEXT: { SSH: "key" }, NIC: [{ NETWORK_ID: "$Public" }] };
    const networks_values = [{ Public: { id: 3 } }];
    expect(text({ template_contents: contents }, { networks_values })).toMatchObject({
      CONTEXT: { NETWORK: "YES", FILES: "/etc/motd", SSH: "key" },
      NIC: { NETWORK_ID: "3" },
    });
  });

  it("has the user inputs as attributes and variables of the context, the role's over the service's", () => {
    const role = { user_inputs_values: { B: "role" } };
    expect(text(role, { user_inputs_values: { A: 1, B: "service" } })).toMatchObject({
      A: "1",
      B: "role",
      CONTEXT: { NETWORK: "YES", A: "$A", B: "$B" },
    });
  });

  it("holds nothing that only administrators may set", () => {
    const contents = { NIC: [{ NETWORK_ID: "0", MAC: "02:00:00:00:00:01" }] };
    expect(() => text({ template_contents: contents })).toThrow(
      "VM Template includes a restricted attribute NIC/MAC.",
    );
    expect(() => text({ user_inputs_values: { PCI: "x" } })).toThrow("restricted attribute PCI");
    expect(text({ template_contents: contents }, {}, { ...SYSTEM, gids: [0] })).toMatchObject({
      NIC: { MAC: "02:00:00:00:00:01" },
    });
  });
});

describe("log files", () => {
  let scratch: ReturnType<typeof scratchDirectory>;
  beforeEach(() => {
    scratch = scratchDirectory("flow-log");
  });
  afterEach(() => scratch.remove());

  const line = { at: Date.UTC(2012, 1, 27, 6, 2, 30), severity: "I", topic: "SER" } as const;

  it("hold lines in OpenNebula's form, one line each, without secrets", () => {
    expect(lineText({ ...line, message: "New state: RUNNING" })).toMatch(
      /^Mon Feb 27 \d\d:\d\d:30 2012 \[I\]: \[SER\] New state: RUNNING\n$/,
    );
    const text = lineText({ ...line, message: 'a\nb DB_PASSWORD="hunter2"' });
    expect(text).not.toContain("hunter2");
    expect(text.split("\n")).toHaveLength(2);
  });

  it("are written together, readable by their owner alone, and put aside once", async () => {
    const directory = path.join(scratch.path, "oneflow");
    const files = new LogFiles({ directory, clock: manualClock(), log: SILENT, maxFileBytes: 200 });
    for (let number = 0; number < 3; number += 1) {
      files.add(7, { ...line, message: `line ${number} ${"x".repeat(120)}` });
      files.add(8, { ...line, message: `line ${number}` });
      await files.flush();
    }
    expect(readdirSync(directory).sort()).toEqual(["7.log", "7.log.1", "8.log"]);
    expect(readFileSync(path.join(directory, "7.log"), "utf8")).toContain("line 2");
    expect(readFileSync(path.join(directory, "8.log"), "utf8").match(/line \d/g)).toHaveLength(3);
    expect(statSync(path.join(directory, "8.log")).mode & 0o777).toBe(0o600);
  });

  it("lose lines when the disk refuses, and say so once", async () => {
    const told: object[] = [];
    mkdirSync(path.join(scratch.path, "7.log"));
    const log = { ...SILENT, error: (details: object) => void told.push(details) };
    const files = new LogFiles({ directory: scratch.path, clock: manualClock(), log });
    for (const message of ["one", "two"]) {
      files.add(7, { ...line, message });
      await files.flush();
    }
    expect(told).toMatchObject([{ dropped: 1 }]);
  });
});

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
