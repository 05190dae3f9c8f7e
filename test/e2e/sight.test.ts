/** What can be seen of a running house: metrics, audit, `gatehouse top`; and that no secret is in any of it. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { parseExposition, seriesValue } from "../support/prometheus-text.ts";
import { makeWorld } from "../support/world-maker.ts";

let scratch: ReturnType<typeof scratchDirectory>;
let home = "";
let house: HouseProcess | undefined;

beforeEach(() => {
  scratch = scratchDirectory("sight");
  home = join(scratch.path, "home");
  writeFileSync(join(scratch.path, "world.json"), JSON.stringify(makeWorld({ vms: 3 })));
});

afterEach(async () => {
  if (house !== undefined) await stopHouse(house);
  house = undefined;
  scratch.remove();
});

async function start(environment: Readonly<Record<string, string>> = {}): Promise<HouseProcess> {
  house = await startHouse(home, ["--dummy", "--world", join(scratch.path, "world.json")], environment);
  return house;
}

async function guest(vmId: number) {
  const token = (await gatehouse(["token", String(vmId), "--home", home])).trim();
  const headers = { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(vmId) };
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${house?.onegate}${path}`, { headers, ...init });
    await answer.text();
    return answer.status;
  };
  return { token, ask };
}

const auditLine = z.looseObject({ method: z.string(), path: z.string(), status: z.int() });

function audit() {
  return readFileSync(join(home, "audit.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => auditLine.parse(JSON.parse(line)));
}

describe("a running house", () => {
  it("tells Prometheus, its administrator and its audit what guests did, and no secret", async () => {
    await start();
    const { token, ask } = await guest(0);
    expect(await ask("/vm")).toBe(200);
    expect(await ask("/vm", { method: "PUT", body: 'PASSWORD = "hush"\nREADY = YES' })).toBe(200);
    expect(await ask("/vm", { headers: { "X-ONEGATE-TOKEN": `${token}x`, "X-ONEGATE-VMID": "0" } })).toBe(
      401,
    );
    expect(await ask(`/nowhere?password=hush&token=${token}`)).toBe(400);

    const families = parseExposition(await gatehouse(["metrics", "--home", home]));
    const requests = (labels: Record<string, string>) =>
      seriesValue(families, "gatehouse_onegate_requests_total", labels);
    expect(requests({ route: "/vm", method: "GET", status: "200" })).toBe(1);
    expect(requests({ route: "/vm", method: "PUT", status: "200" })).toBe(1);
    expect(requests({ route: "/vm", method: "GET", status: "401" })).toBe(1);
    expect(requests({ route: "none", status: "400" })).toBe(1);
    const count = "gatehouse_onegate_request_duration_seconds_count";
    expect(seriesValue(families, count, { route: "/vm", method: "GET" })).toBe(2);
    expect(seriesValue(families, "gatehouse_store_commit_duration_seconds_count")).toBeGreaterThan(0);
    expect(seriesValue(families, "gatehouse_store_flush_duration_seconds_count")).toBeGreaterThan(0);
    expect(seriesValue(families, "gatehouse_vms", { state: "RUNNING" })).toBe(3);
    expect(seriesValue(families, "gatehouse_connections", { server: "onegate" })).toBeGreaterThan(0);
    expect(seriesValue(families, "gatehouse_build_info")).toBe(1);
    expect(seriesValue(families, "nodejs_eventloop_lag_seconds")).toBeGreaterThanOrEqual(0);
    expect(families.get("gatehouse_metrics_failures_total")?.series).toEqual([]);

    const pages = ["onegate.md", "monitoring.md", "elasticity.md"].map((page) =>
      readFileSync(join(import.meta.dirname, "../../docs", page), "utf8"),
    );
    const documented = [...pages.join("\n").matchAll(/^\| `(gatehouse_\w+)`/gm)].map(([, name]) => name);
    expect([...families.keys()].filter((name) => name.startsWith("gatehouse_")).sort()).toEqual(
      documented.sort(),
    );

    const port = parseExposition(await (await fetch(`${house?.admin}/metrics`)).text());
    expect([...port.keys()]).toEqual([...families.keys()]);
    const json: unknown = JSON.parse(await gatehouse(["metrics", "--json", "--home", home]));
    expect(z.array(z.looseObject({ name: z.string() })).parse(json)).toHaveLength(families.size);

    if (house !== undefined) await stopHouse(house);
    expect(audit()).toMatchObject([
      { method: "PUT", path: "/vm", vm: 0, status: 200, what: "update", details: ["PASSWORD", "READY"] },
      { method: "GET", path: "/vm", status: 401, refusal: "Not authorized" },
      { method: "GET", path: "/nowhere", status: 400 },
    ]);
    for (const file of readdirSync(home).filter((name) => !name.startsWith("gatehouse.db"))) {
      const text = readFileSync(join(home, file), "utf8");
      expect([file, text.includes(token), text.includes("hush")]).toEqual([file, false, false]);
    }
  });

  it("shows its top once, as text and as JSON, where there is no terminal", async () => {
    await start();
    const { ask } = await guest(1);
    // The guest asks on while the command starts, however long that takes: the page tells of the last seconds.
    const whileAsking = async (command: readonly string[]): Promise<string> => {
      let ended = false;
      const output = gatehouse([...command, "--home", home]).finally(() => {
        ended = true;
      });
      while (!ended) await ask("/vm");
      return await output;
    };
    const text = await whileAsking(["top", "--interval", "0.1"]);
    expect(text).toMatch(/^requests {2}[\d.]+\/s/);
    expect(text).toMatch(/VM 1 +\d/);
    const json: unknown = JSON.parse(await whileAsking(["top", "--once", "--json", "--interval", "0.1"]));
    expect(json).toMatchObject({ waiters: 0, vms: [{ vmId: 1 }] });
  });

  it("keeps neither counts nor audit where they are turned off", async () => {
    await start({ GATEHOUSE_ADMIN_METRICS_ENABLED: "false", GATEHOUSE_ONEGATE_AUDIT_ENABLED: "false" });
    const { ask } = await guest(0);
    expect(await ask("/vm", { method: "PUT", body: "A = 1" })).toBe(200);
    const { status } = await fetch(`${house?.admin}/metrics`);
    expect(status).toBe(404);
    await expect(gatehouse(["metrics", "--home", home])).rejects.toThrow(/set admin\.metrics\.enabled/);
    await expect(gatehouse(["top", "--home", home])).rejects.toThrow(/set admin\.metrics\.enabled/);
    expect(readdirSync(home)).not.toContain("audit.jsonl");
  });

  it("that is none is a sentence", async () => {
    for (const command of ["metrics", "top"])
      await expect(gatehouse([command, "--home", home])).rejects.toThrow(
        /No house runs in .*home; start one/,
      );
  });
});
