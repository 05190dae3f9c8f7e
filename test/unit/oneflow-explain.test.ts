import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseMetricsCsv } from "../../gateway/oneflow/elasticity/metrics-csv.ts";
import { type FlowDesk, openFlowDesk } from "../support/oneflow-app.ts";
import { type ScalingHouse, scalingHouse } from "../support/scaling-house.ts";

/** What OneFlow's API tells of scaling: explanations, counters and metrics. */

let house: ScalingHouse;
let desk: FlowDesk;
let id: number;

beforeAll(async () => {
  house = await scalingHouse();
  await house.cloud.users.allocate(
    { uid: 0, name: "oneadmin", gid: 0, gids: [0] },
    { name: "bob", password: "bobpw" },
  );
  const { cloud, clock } = house;
  desk = openFlowDesk(
    Object.assign(Object.create(cloud), {
      monitoring: {
        vmHistory: async (vmId: number) => ({
          resolution: "raw",
          points: [
            { at: 1_700_000_000 + vmId, names: ["CPU", "DISK"], values: [50 + vmId, "none"], more: {} },
            { at: 1_700_000_010 + vmId, names: ["CPU", "NETTX"], values: ["1.50", 7], more: {} },
          ],
        }),
      },
    }),
    house.oneflow,
    { clock, scaling: house.autoscaler },
  );
  id = await house.service({
    elasticity_policies: [
      { type: "CHANGE", adjust: 1, expression: "ATT > 50", period: 10, period_number: 3 },
    ],
  });
});

afterAll(() => house.close());

describe("GET /service/:id/explain", () => {
  it("is the decision of each role in the names of the wire, and changes nothing", async () => {
    const before = house.commands.length;
    const { status, body } = await desk.askAs("alice", `/service/${id}/explain`);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      service: id,
      state: "RUNNING",
      roles: [
        {
          role: "worker",
          cardinality: 2,
          min_vms: 1,
          policies: [
            {
              kind: "elasticity",
              evaluated: "ATT[--] > 50",
              verdict: "insufficient_data",
              true_evals: 0,
              period_number: 3,
              prevention: { reason: "within_period" },
              readings: [{ key: "ATT", vms: 0, of: 2, ignored: [], ignored_count: 0 }],
            },
          ],
          restores_minimum: false,
        },
      ],
    });
    expect(JSON.parse((await desk.askAs("alice", `/service/${id}/role/worker/explain`)).body)).toEqual(
      JSON.parse(body),
    );
    expect(house.commands).toHaveLength(before);
  });

  it("is for those who may use the service, of roles that it has", async () => {
    expect((await desk.askAs("bob", `/service/${id}/explain`)).status).toBe(401);
    expect((await desk.askAs("bob", `/service/${id}/metrics`)).status).toBe(401);
    const unknown = await desk.askAs("alice", `/service/${id}/role/none/explain`);
    expect([unknown.status, unknown.body]).toEqual([404, "Role none not found"]);
  });
});

describe("GET /service/:id", () => {
  it("shows counters that are in memory alone, under the entity tag of what is stored", async () => {
    const before = await desk.askAs("alice", `/service/${id}`);
    await house.pass(11);
    const after = await desk.askAs("alice", `/service/${id}`);
    const evaluated = (text: string) => Number(/"last_eval": (\d+)/.exec(text)?.[1]);
    expect(evaluated(after.body)).toBeGreaterThan(evaluated(before.body));
    expect(after.headers.get("etag")).toBe(before.headers.get("etag"));
  });
});

describe("GET /service/:id/metrics", () => {
  it("is a table that simulate reads, of numbers alone, in order of time", async () => {
    const { status, body, headers } = await desk.askAs("alice", `/service/${id}/metrics?last=2h`);
    expect([status, headers.get("content-type")]).toEqual([200, "text/csv;charset=utf-8"]);
    const [first = -1, second = -1] = await house.workers(id);
    expect(body).toBe(
      `${[
        "time,role,vm,CPU,NETTX",
        `${1_700_000_000 + first},worker,${first},${50 + first},`,
        `${1_700_000_000 + second},worker,${second},${50 + second},`,
        `${1_700_000_010 + first},worker,${first},1.5,7`,
        `${1_700_000_010 + second},worker,${second},1.5,7`,
      ].join("\n")}\n`,
    );
    expect(parseMetricsCsv(body)).toHaveLength(6);
  });

  it.each(["0", "8d", "abc", "-1h", ""])("refuses last=%s", async (last) => {
    const { status, body } = await desk.askAs("alice", `/service/${id}/metrics?last=${last}`);
    expect([status, body]).toEqual([
      400,
      expect.stringContaining("it must be a time such as 90m, 24h or 7d"),
    ]);
  });
});
