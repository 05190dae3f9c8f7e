import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { afterEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import { createOneFlowApp } from "../../gateway/oneflow/app.ts";
import { createForeignScaler } from "../../gateway/oneflow/foreign.ts";
import { oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { type FakeFlow, fakeFlow } from "../support/fake-flow.ts";
import { manualClock } from "../support/manual-clock.ts";

const SERVER = { name: "serveradmin", password: "server-secret" };
const open: Server[] = [];

async function listen(server: Server): Promise<string> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? `http://127.0.0.1:${address.port}` : "";
}

/** A OneFlow elsewhere, over a cloud in which the server's user is known, and a service of alice. */
async function elsewhere(): Promise<{ url: string; flow: FakeFlow; alice: Actor; bob: Actor; id: number }> {
  const { cloud } = await testCloud();
  await cloud.users.allocate(SYSTEM, { ...SERVER, driver: "server_cipher" });
  const alice = await makeUser(cloud, SYSTEM, "alice");
  const bob = await makeUser(cloud, SYSTEM, "bob");
  const flow = fakeFlow(cloud);
  const role = { name: "worker", type: "vm", template_id: 0, cardinality: 1 } as const;
  const { id } = await flow.instantiate(alice, { name: "web", deployment: "none", roles: [role] });
  const settings = oneFlowSettingsSchema.parse({});
  const app = createOneFlowApp({ cloud, flow, settings, clock: systemClock, log: silentLogger });
  return { url: await listen(createServer(getRequestListener(app.fetch))), flow, alice, bob, id };
}

afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

describe("a OneFlow elsewhere", () => {
  it("scales for the owner of the VM that asked", async () => {
    const { url, flow, alice, id } = await elsewhere();
    await createForeignScaler({ url: `${url}/`, server: SERVER, clock: systemClock }).scale(
      alice,
      id,
      "worker",
      3,
    );
    expect(flow.calls.at(-1)).toEqual([
      "command",
      id,
      expect.objectContaining({ kind: "scale", role: "worker", cardinality: 3, force: false }),
    ]);
  });

  it("refuses in its own words, with what they mean", async () => {
    const { url, bob, alice, id } = await elsewhere();
    const scaler = createForeignScaler({ url, server: SERVER, clock: systemClock });
    await expect(scaler.scale(bob, id, "worker", 3)).rejects.toMatchObject({ code: "forbidden" });
    await expect(scaler.scale(alice, 99, "worker", 3)).rejects.toMatchObject({
      code: "not_found",
      message: "[one.document.info] Error getting document [99].",
    });
  });

  it("is not asked with a wrong password", async () => {
    const { url, alice, id } = await elsewhere();
    const scaler = createForeignScaler({ url, server: { ...SERVER, password: "other" }, clock: systemClock });
    await expect(scaler.scale(alice, id, "worker", 3)).rejects.toMatchObject({ code: "forbidden" });
  });

  it("that does not answer is given up in time, and nobody is told that it scaled", async () => {
    const clock = manualClock();
    const asked = Promise.withResolvers<void>();
    const url = await listen(createServer(() => asked.resolve()));
    const { alice } = await elsewhere();
    const scaling = createForeignScaler({ url, server: SERVER, clock }).scale(alice, 0, "worker", 3);
    const refused = expect(scaling).rejects.toMatchObject({ code: "unavailable" });
    await asked.promise;
    clock.advance(10_000);
    await refused;
    open[0]?.closeAllConnections();
  });

  it("that is not there makes scaling unavailable", async () => {
    const { alice } = await elsewhere();
    const scaler = createForeignScaler({ url: "http://127.0.0.1:1", server: SERVER, clock: systemClock });
    await expect(scaler.scale(alice, 0, "worker", 3)).rejects.toMatchObject({ code: "unavailable" });
  });
});
