/** The recorded exchanges of OneGate that need OneFlow: a guest scales its service, and sees what comes of it. */

import { readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import { parseWorld } from "../../gateway/cloud/world.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneFlow } from "../../gateway/oneflow/engine/create-oneflow.ts";
import { createScaler } from "../../gateway/oneflow/engine/scaler.ts";
import { oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { silentLogger } from "../../shared/log.ts";
import { overHooks } from "../support/core-hooks.ts";
import { testCloud } from "../support/embedded.ts";
import { scratchDirectory } from "../support/house.ts";
import { manualClock } from "../support/manual-clock.ts";
import { type FlowReach, inProcess } from "../support/oneflow-replay.ts";
import { recordedIn } from "../support/recorded-exchanges.ts";

const EXCHANGES = recordedIn("onegate-scale.jsonl");

/** Not compared: the original took every permission of the VM away for a parameter it did not understand. */
const AFTER_CHMOD = [
  "action-chmod-hash",
  "vms-after-chmod-hash",
  "vms-after-chown",
  "service-after-chown",
  "service-extended-after-chown",
];

/** A refusal of our own fault becomes the guest's; what is wrong is told, or kept to the letter. */
const DEPARTURES: Readonly<Record<string, { readonly status: number; readonly body?: RegExp | string }>> = {
  "scale-bad-json": { status: 400, body: "unexpected token at 'zz'" },
  "scale-empty": { status: 400, body: "unexpected token at ''" },
  // A VM ended by hand is one VM less, and no VM of the service any more.
  "vms-terminated": { status: 400, body: "Service 292 does not contain VM 251." },
  "service-after-terminate": { status: 200 },
};

/** The VM that the recording's scaling made. */
const MADE = "254";
const SERVICE_ID = 292;
const SCALING = 8;
const RUNNING = 2;

const body = z.object({
  SERVICE: z.looseObject({
    state: z.int(),
    roles: z.array(
      z.looseObject({ cardinality: z.int(), nodes: z.array(z.looseObject({ deploy_id: z.int() })) }),
    ),
  }),
});

const answers = new Map<string, { status: number; body: string; expected: string }>();

async function replay(reach: FlowReach): Promise<void> {
  answers.clear();
  const clock = manualClock(1_795_175_000_000);
  const { cloud } = await testCloud({
    clock,
    firstStart: false,
    driver: dummyDriver({ clock, bootMs: 10_000 }),
  });
  await cloud.importWorld(
    parseWorld(JSON.parse(readFileSync(new URL("../fixtures/onegate-world.json", import.meta.url), "utf8"))),
  );
  await cloud.start();
  const { cloud: reached, settled, close } = await reach(cloud, clock);
  const logs = scratchDirectory("onegate-scale");
  const settings = oneFlowSettingsSchema.parse({});
  const flow = await createOneFlow({
    cloud: reached,
    clock,
    log: silentLogger,
    settings,
    logDirectory: logs.path,
  });
  const gate = createOneGate({
    cloud: reached,
    services: createServiceDirectory(reached),
    scaler: createScaler(flow),
    settings: oneGateSettingsSchema.parse({}),
    clock,
    log: silentLogger,
  });
  const state = (): number => z.int().parse(cloud.documents.peek(SYSTEM, SERVICE_ID)?.body?.state);
  const rest = async (): Promise<void> => {
    do await flow.settled();
    while (await settled());
  };
  const until = async (isThere: () => boolean): Promise<void> => {
    for (let step = 0; step < 1_000 && !isThere(); step += 1) {
      await nextTurn();
      await rest();
      clock.advance(500);
    }
  };
  const newest = async (): Promise<string> =>
    String(Math.max(...(await cloud.vms.list(SYSTEM)).map(({ id }) => id)));
  for (const { name, request, response } of EXCHANGES) {
    await rest();
    if (name === "service-scaling")
      await until(() => state() === SCALING && cloud.vms.peek(SYSTEM, 252) !== undefined);
    if (name === "service-scaled") await until(() => state() === RUNNING);
    if (name === "vms-terminated") await until(() => cloud.vms.peek(SYSTEM, 251)?.state === 6);
    const made = await newest();
    const url = `http://127.0.0.1:5030${request.path.replace(`/${MADE}`, `/${made}`)}`;
    const init = {
      method: request.method,
      headers: request.headers,
      ...(request.body === null ? {} : { body: request.body }),
    };
    const answer = await gate.request(new Request(url, init));
    const expected = response.body.replaceAll(new RegExp(`\\b${MADE}\\b`, "g"), made);
    answers.set(name, { status: answer.status, body: await answer.text(), expected });
  }
  await flow.close();
  await close();
  await cloud.close();
  logs.remove();
}

function answerTo(name: string): { status: number; body: string; expected: string } {
  const answer = answers.get(name);
  if (answer === undefined) throw new Error(`${name} was not replayed`);
  return answer;
}

const parsed = (text: string): unknown => (/^[{[]/.test(text) ? JSON.parse(text) : text);

const REACHES = [
  ["an embedded cloud", inProcess],
  ["an OpenNebula over XML-RPC", overHooks],
] as const;

describe.each(REACHES)("over %s", (_, reach) => {
  beforeAll(() => replay(reach), 120_000);

  describe("OneGate with OneFlow behind it answers as recorded:", () => {
    it.each(
      EXCHANGES.filter(({ name }) => !AFTER_CHMOD.includes(name)).map((one) => [one.name, one] as const),
    )("%s", (name, { response }) => {
      const answer = answerTo(name);
      const departure = DEPARTURES[name];
      expect([answer.status, answer.body.slice(0, 200)]).toEqual([
        departure?.status ?? response.status,
        answer.body.slice(0, 200),
      ]);
      if (departure === undefined) expect(parsed(answer.body)).toEqual(parsed(answer.expected));
      else if (departure.body !== undefined) expect(answer.body).toMatch(departure.body);
    });

    it("what departs is named in docs/compatibility.md", () => {
      const page = readFileSync(new URL("../../docs/compatibility.md", import.meta.url), "utf8");
      const names = [...Object.keys(DEPARTURES), ...AFTER_CHMOD];
      expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    });

    it("service-after-terminate has one VM less", () => {
      const { state, roles } = body.parse(JSON.parse(answerTo("service-after-terminate").body)).SERVICE;
      expect([state, roles.map((role) => [role.cardinality, role.nodes.length])]).toEqual([
        RUNNING,
        [
          [1, 1],
          [2, 2],
        ],
      ]);
    });
  });
});
