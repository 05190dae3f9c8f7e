import { existsSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { overHooks } from "../support/core-hooks.ts";
import {
  type FlowReach,
  type Interventions,
  type ReplayedFlow,
  recordedFlowExchanges,
  replayFlow,
  type Stage,
} from "../support/oneflow-replay.ts";
import {
  CORES_OWN_WORDS,
  FLOW_DEPARTURES,
  type FlowDeparture,
  KEPT_SENTENCES,
  LOOKED_AT_SOONER,
} from "./oneflow-departures.ts";

const EXCHANGES = recordedFlowExchanges();
/** Writes of the recording itself bear one name; what they remove may not have been made here. */
const SETUP = "setup";

/** What the recording did beside its exchanges. */
const INTERVENTIONS: Interventions = {
  "service-show-failed-deploying": async ({ cloud, fail }, serviceId) => {
    fail(onlyNode(cloud.documents.peek(SYSTEM, serviceId)?.body));
  },
  "service-show-gated-worker-running": async ({ cloud, reached }, serviceId) => {
    const vmId = onlyNode(cloud.documents.peek(SYSTEM, serviceId)?.body);
    await reached.vms.updateUserTemplate(SYSTEM, vmId, parseTemplate("READY=YES"), "append");
  },
  // Its schedule names a day, and its guests report a metric.
  "service-show-elastic-scaling": async ({ clock }) => {
    clock.jump(ELASTIC_MADE_MS - clock.now());
  },
  "service-show-elastic-cooldown": async (stage, serviceId) => {
    await reportMetric(stage, serviceId, 20);
    await stage.pass(3_000);
  },
  "service-show-elastic-scaling-down": async (stage) => {
    await stage.pass(ELASTIC_SCHEDULED_MS - stage.clock.now());
  },
  "service-show-elastic-after": (stage, serviceId) => reportMetric(stage, serviceId, 5),
};

/** When the recording made the service, and for when its schedule is. */
const ELASTIC_MADE_MS = 1_795_177_377_000;
const ELASTIC_SCHEDULED_MS = Date.parse("2026-11-20T12:25:27Z");

/** As a guest of each VM that the service had then. */
async function reportMetric({ cloud, reached }: Stage, serviceId: number, value: number): Promise<void> {
  for (const { nodes } of serviceBody.parse(cloud.documents.peek(SYSTEM, serviceId)?.body).roles) {
    const [first] = nodes;
    if (first === undefined) continue;
    await reached.vms.updateUserTemplate(SYSTEM, first.deploy_id, { SCALEME: String(value) }, "append");
  }
}

const serviceBody = z.looseObject({
  state: z.int(),
  roles: z.array(
    z.looseObject({
      name: z.string(),
      cardinality: z.int(),
      state: z.int(),
      nodes: z.array(z.looseObject({ deploy_id: z.int() })),
    }),
  ),
});
const documentSchema = z.object({
  DOCUMENT: z.looseObject({ NAME: z.string(), TEMPLATE: z.looseObject({ BODY: serviceBody }) }),
});

/** Of the role that is deployed first, with one VM. */
function onlyNode(body: unknown): number {
  const [first] = serviceBody.parse(body).roles;
  return z.int().parse(first?.nodes[0]?.deploy_id);
}

let replayed: readonly ReplayedFlow[];

const REACHES: readonly (readonly [string, FlowReach | undefined])[] = [
  ["an embedded cloud", undefined],
  ["an OpenNebula over XML-RPC", overHooks],
];

function answerTo(name: string): ReplayedFlow["answer"] {
  const found = replayed.find(({ exchange }) => exchange.name === name);
  if (found === undefined) throw new Error(`${name} was not replayed`);
  return found.answer;
}

const serviceIn = (name: string) =>
  documentSchema.parse(JSON.parse(answerTo(name).body)).DOCUMENT.TEMPLATE.BODY;

const departureOf = (name: string): FlowDeparture | undefined =>
  FLOW_DEPARTURES.find(({ exchange }) => exchange === name);

/** Of this replay alone: times, and ids of routers. */
const VOLATILE = ["start_time", "registration_time", "timestamp", "vrouter_id", "last_eval"];

/** JSON compared as such, without what is volatile; everything else to the letter, but for times in it. */
function comparable(body: string): unknown {
  try {
    return JSON.parse(body, (name, value) => (VOLATILE.includes(name) ? 0 : value));
  } catch {
    return body.replace(/"registration_time":\d+/, '"registration_time":0');
  }
}

const COUNTERS = ["last_eval", "true_evals", "expression_evaluated"];

/** The same without what looks at policies leave behind. */
function uncounted(body: string): unknown {
  return JSON.parse(body, (name, value) => {
    if (COUNTERS.includes(name)) return undefined;
    return VOLATILE.includes(name) ? 0 : value;
  });
}

describe.each(REACHES)("over %s", (_, reach) => {
  beforeAll(async () => {
    replayed = await replayFlow(EXCHANGES, INTERVENTIONS, reach);
  }, 300_000);

  describe("OneFlow answers as recorded:", () => {
    it.each(EXCHANGES.map((exchange, at) => [exchange.name, at] as const))("%s (%i)", (name, at) => {
      const one = replayed[at];
      if (one === undefined) throw new Error(`${name} was not replayed`);
      const { answer, expected, exchange } = one;
      const said = reach === undefined ? answer.body : answer.body.replace(CORES_OWN_WORDS, "");
      const departure = departureOf(name);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      const type = answer.status === 204 ? null : "text/html;charset=utf-8";
      expect(answer.headers.get("content-type")).toBe(type);
      if (name === SETUP && answer.status === 404) return;
      const status = KEPT_SENTENCES[name] ?? departure?.status ?? exchange.response.status;
      expect([answer.status, answer.body.slice(0, 300)]).toEqual([status, answer.body.slice(0, 300)]);
      const form = LOOKED_AT_SOONER.includes(name) ? uncounted : comparable;
      if (departure === undefined) expect(form(said)).toEqual(form(expected));
      else if (typeof departure.body === "function")
        expect(form(said)).toEqual(form(departure.body(expected)));
      else if (departure.body instanceof RegExp) expect(answer.body).toMatch(departure.body);
      else if (departure.body !== undefined) expect(answer.body).toBe(departure.body);
    });
  });

  describe("departures from OneFlow's recording", () => {
    it.each(FLOW_DEPARTURES.map(({ exchange }) => exchange))("%s is one", (name) => {
      const one = replayed.find(({ exchange }) => exchange.name === name);
      const same =
        one?.answer.status === one?.exchange.response.status &&
        JSON.stringify(comparable(one?.answer.body ?? "")) ===
          JSON.stringify(comparable(one?.expected ?? ""));
      expect(same).toBe(false);
    });

    it("never answer with a status of our own fault", () => {
      for (const { exchange, answer } of replayed) {
        expect([exchange.name, answer.status < 500]).toEqual([exchange.name, true]);
      }
    });

    it("cover every 5xx of the recording, each once", () => {
      const failed = EXCHANGES.filter(({ response }) => response.status >= 500).map(({ name }) => name);
      const told = failed.map((name) => [
        name,
        name in KEPT_SENTENCES ? 1 : 0,
        departureOf(name) === undefined ? 0 : 1,
      ]);
      expect(told.filter(([, kept, departs]) => Number(kept) + Number(departs) !== 1)).toEqual([]);
    });

    it("are each named in docs/compatibility.md", () => {
      const file = new URL("../../docs/compatibility.md", import.meta.url);
      expect(existsSync(file)).toBe(true);
      const page = readFileSync(file, "utf8");
      const names = [...FLOW_DEPARTURES.map(({ exchange }) => exchange), ...Object.keys(KEPT_SENTENCES)];
      expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    });

    it("service-show-recovered runs, with a VM for the one that failed", () => {
      const { state, roles } = serviceIn("service-show-recovered");
      expect([state, roles.map((role) => [role.name, role.state, role.nodes.length])]).toEqual([
        2,
        [
          ["master", 2, 1],
          ["worker", 2, 2],
        ],
      ]);
    });

    it("service-show-scaled-to-zero and its like have the VMs of the last cardinality that was one", () => {
      const worker = (name: string) => serviceIn(name).roles.find((role) => role.name === "worker");
      for (const [name, count] of [
        ["service-show-scaled-to-zero", 2],
        ["service-show-negative-force", 14],
        ["service-show-recovered-scaling", 14],
      ] as const) {
        expect([name, worker(name)?.cardinality, worker(name)?.nodes.length]).toEqual([name, count, count]);
      }
    });

    it("service-list-after-purge and x-stpl-list-many are newest first", () => {
      for (const name of ["service-list-after-purge", "x-stpl-list-many"]) {
        const pool = z.object({
          DOCUMENT_POOL: z.object({ DOCUMENT: z.array(z.looseObject({ ID: z.string() })) }),
        });
        const ids = pool
          .parse(JSON.parse(answerTo(name).body))
          .DOCUMENT_POOL.DOCUMENT.map(({ ID }) => Number(ID));
        expect(ids).toEqual(ids.toSorted((a, b) => b - a));
      }
    });
  });
});
