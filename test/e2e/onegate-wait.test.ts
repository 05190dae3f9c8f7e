/** `?wait` over real sockets: hundreds of clients on one service, clients that leave, and a server that closes. */

import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { type Listening, listen } from "../../gateway/main/listen.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { testCloud, text } from "../support/embedded.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { type WaitingObserver, waitingObserver } from "../support/waiting-observer.ts";

const VMS = 10;

let cloud: EmbeddedCloud;
let observer: WaitingObserver;
let listening: Listening;
let closing: AbortController;
/** Of the server: it never moves, so nothing is closed by a time-out. */
let serverClock: ManualClock;
let vmIds: readonly number[];
let sockets: Socket[] = [];

beforeEach(async () => {
  cloud = (await testCloud()).cloud;
  observer = waitingObserver();
  closing = new AbortController();
  serverClock = manualClock();
  vmIds = await makeService();
  const app = createOneGate({
    cloud,
    services: createServiceDirectory(cloud),
    settings: oneGateSettingsSchema.parse({}),
    clock: systemClock,
    log: silentLogger,
    observer,
    closing: closing.signal,
  });
  const endpoint = { host: "127.0.0.1", port: 0 };
  listening = await listen({ name: "onegate", app, endpoint, clock: serverClock, log: silentLogger });
});

afterEach(async () => {
  closing.abort();
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await listening.close();
  await cloud.close();
});

async function makeService(): Promise<readonly number[]> {
  const ids: number[] = [];
  for (let count = 0; count < VMS; count += 1) {
    const template = text(`NAME = "vm${count}" CONTEXT = [ TOKEN = "YES" ]`);
    ids.push(await cloud.vms.allocate(SYSTEM, template, { hold: true }));
  }
  const nodes = ids.map((id) => ({ deploy_id: id }));
  const roles = [{ name: "worker", cardinality: VMS, state: 2, nodes }];
  const service = await cloud.documents.allocate(SYSTEM, { type: 100, name: "s", body: { state: 2, roles } });
  for (const id of ids)
    await cloud.vms.updateUserTemplate(SYSTEM, id, { SERVICE_ID: String(service) }, "append");
  return ids;
}

function requestOf(vmId: number, path: string, more = ""): string {
  const token = `X-ONEGATE-TOKEN: ${cloud.vmToken(vmId)}\r\nX-ONEGATE-VMID: ${vmId}\r\n`;
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${token}${more}\r\n`;
}

/** A connection, and all that has come on it. */
class Client {
  readonly socket: Socket;
  received = "";
  readonly closed: Promise<void>;
  #listener: () => void = () => undefined;

  constructor() {
    this.socket = connect(listening.port, "127.0.0.1").setEncoding("utf8");
    sockets.push(this.socket);
    this.socket.on("data", (chunk: string) => {
      this.received += chunk;
      this.#listener();
    });
    this.socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  send(request: string): this {
    this.socket.write(request);
    return this;
  }

  get answers(): number {
    return this.received.split("HTTP/1.1 ").length - 1;
  }

  async receives(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.received)) {
      await new Promise<void>((resolve) => {
        this.#listener = resolve;
      });
    }
  }
}

const vmAt = (index: number): number => vmIds[index % VMS] ?? -1;

it("answers each of hundreds of waiters on one service exactly once, and others meanwhile", async () => {
  const clients = Array.from({ length: 400 }, (_, index) =>
    new Client().send(requestOf(vmAt(index), "/service?wait=60")),
  );
  await observer.reaches(400);
  const other = new Client().send(requestOf(vmAt(0), "/vm"));
  await other.receives(/"NAME":"vm0"/);
  await cloud.vms.rename(SYSTEM, vmAt(1), "renamed");
  await Promise.all(clients.map((client) => client.receives(/renamed.*\}$/s)));
  expect(observer.waitingNow()).toBe(0);

  // On the same connections the next answers follow: nothing was sent twice before them.
  for (const [index, client] of clients.entries()) client.send(requestOf(vmAt(index), "/vm/NAME"));
  await Promise.all(clients.map((client) => client.receives(/\r\n\r\n(vm\d|renamed)$/)));
  expect(clients.filter(({ answers }) => answers !== 2)).toEqual([]);
});

it("forgets clients that leave, also those behind another answer on their connection", async () => {
  const alone = new Client().send(requestOf(vmAt(0), "/vm?wait=60"));
  const pipelining = new Client().send(requestOf(vmAt(1), "/vm?wait=60").repeat(3));
  await observer.reaches(4);
  pipelining.socket.destroy();
  await observer.reaches(1);
  alone.socket.destroy();
  await observer.reaches(0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(observer.requests.map(({ status }) => status)).toEqual([499, 499, 499, 499]);
});

it("answers waiters when the house closes, and keeps no connection open for them", async () => {
  const held = [new Client(), new Client()].map((client, index) =>
    client.send(requestOf(vmAt(index), "/vm?wait=60", index === 0 ? "If-None-Match: *\r\n" : "")),
  );
  await observer.reaches(2);
  closing.abort();
  await listening.close();
  await Promise.all(held.map(({ closed }) => closed));
  expect(held.map(({ received }) => received.slice(9, 12))).toEqual(["304", "200"]);
  for (const { received } of held) expect(received).toMatch(/^connection: close\r$/im);
});

it("answers a HEAD, too, without a body", async () => {
  const client = new Client().send(requestOf(vmAt(0), "/vm?wait=60").replace("GET", "HEAD"));
  await observer.reaches(1);
  await cloud.vms.rename(SYSTEM, vmAt(0), "renamed");
  await client.receives(/\r\n\r\n$/);
  expect(client.received).toMatch(/^HTTP\/1\.1 200 /);
});
