import { describe, expect, it } from "vitest";
import { type GateClient, gateClient, RefusedError } from "../../agent/guest/client.ts";
import { LostError } from "../../agent/guest/lost.ts";
import { proxyFor } from "../../agent/guest/proxy.ts";
import type { GateAnswer, GateRequest } from "../../agent/guest/transport.ts";
import { hurriedClock } from "../support/hurried-clock.ts";

const answer = (status: number, body = ""): GateAnswer => ({
  status,
  statusText: "Text",
  headers: {},
  body,
});
const unsent = new LostError("refused.", { sent: false });
const sent = new LostError("lost.", { sent: true });

/** A client whose transport gives these outcomes in turn, and what it sent. */
function scripted(outcomes: readonly (GateAnswer | Error)[], retries = 3) {
  const clock = hurriedClock();
  const asked: GateRequest[] = [];
  const transport = async (request: GateRequest): Promise<GateAnswer> => {
    asked.push(request);
    const outcome = outcomes[asked.length - 1];
    if (outcome === undefined) throw new Error("asked once too often");
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return { client: gateClient({ transport, retries, clock, random: () => 0.5 }), asked, clock };
}

describe("the guest's client", () => {
  it.each<[string, (client: GateClient) => Promise<string>, GateRequest]>([
    ["vm show", (c) => c.showVm(undefined), { method: "GET", path: "/vm" }],
    ["vm show 9", (c) => c.showVm("9"), { method: "GET", path: "/vms/9" }],
    ["vm show a/b", (c) => c.showVm("a/b"), { method: "GET", path: "/vms/a%2Fb" }],
    [
      "vm update",
      (c) => c.updateVm(undefined, { type: 1, data: "A=1&2+3\nB=é" }),
      {
        method: "PUT",
        path: "/vm",
        body: { type: "application/x-www-form-urlencoded", text: "data=A%3D1%262%2B3%0AB%3D%C3%A9&type=1" },
      },
    ],
    [
      "vm update 9 --erase K",
      (c) => c.updateVm("9", { type: 2, data: "K" }),
      {
        method: "PUT",
        path: "/vms/9",
        body: { type: "application/x-www-form-urlencoded", text: "data=K&type=2" },
      },
    ],
    [
      "vm hold 9",
      (c) => c.actOnVm("9", { perform: "hold", hard: false }),
      {
        method: "POST",
        path: "/vms/9/action",
        body: { type: "application/json", text: '{"action":{"perform":"hold"}}' },
      },
    ],
    [
      "vm terminate --hard 9",
      (c) => c.actOnVm("9", { perform: "terminate", hard: true }),
      {
        method: "POST",
        path: "/vms/9/action",
        body: { type: "application/json", text: '{"action":{"perform":"terminate","params":true}}' },
      },
    ],
    ["service show", (c) => c.showService(false), { method: "GET", path: "/service" }],
    [
      "service show --extended",
      (c) => c.showService(true),
      {
        method: "GET",
        path: "/service",
        body: { type: "application/x-www-form-urlencoded", text: "extended=true" },
      },
    ],
    [
      "service scale",
      (c) => c.scaleRole("my role", "2"),
      {
        method: "PUT",
        path: "/service/role/my%20role",
        body: { type: "application/json", text: '{"cardinality":"2"}' },
      },
    ],
    ["vrouter show", (c) => c.showRouter(false), { method: "GET", path: "/vrouter" }],
    ["vnet show 3", (c) => c.showNetwork("3", false), { method: "GET", path: "/vnet/3" }],
  ])("sends '%s' as OpenNebula's does", async (_, ask, request) => {
    const { client, asked } = scripted([answer(200, "body")]);
    expect(await ask(client)).toBe("body");
    expect(asked).toEqual([request]);
  });

  it("tries again after lost connections and 5xx, waiting longer each time", async () => {
    const { client, asked, clock } = scripted([unsent, answer(500), sent, answer(200, "there")]);
    expect(await client.showVm(undefined)).toBe("there");
    expect(asked).toHaveLength(4);
    expect(clock.waits).toEqual([375, 750, 1500]);
  });

  it("waits as long as a limit asks for, with every method, since nothing was done; and a little more", async () => {
    const limited = { ...answer(429, "Slower."), headers: { "retry-after": "7" } };
    const reading = scripted([limited, answer(200)]);
    await reading.client.showVm(undefined);
    const acting = scripted([limited, limited, answer(204)]);
    await acting.client.actOnVm("9", { perform: "reboot", hard: false });
    expect([...reading.clock.waits, ...acting.clock.waits]).toEqual([7350, 7350, 7350]);
    const spent = scripted([limited, limited], 1);
    await expect(spent.client.showVm(undefined)).rejects.toThrow(/^Slower\.$/);
    const endless = scripted([{ ...limited, headers: { "retry-after": "86400" } }]);
    await expect(endless.client.showVm(undefined)).rejects.toThrow(/^Slower\.$/);
    expect(endless.clock.waits).toEqual([]);
  });

  it("waits ten seconds at most", async () => {
    const { client, clock } = scripted([...Array.from({ length: 8 }, () => unsent), answer(200)], 8);
    await client.showVm(undefined);
    expect(clock.waits.at(-1)).toBe(7500);
  });

  it("gives up after the retries, with the server's words or the connection's", async () => {
    const failing = scripted([answer(503, "Later.\n"), answer(503, "Later.\n")], 1);
    await expect(failing.client.showVm(undefined)).rejects.toThrow(/^Later\.$/);
    const lost = scripted([unsent, unsent], 1);
    await expect(lost.client.showVm(undefined)).rejects.toThrow("refused. Tried 2 times.");
    const once = scripted([unsent], 0);
    await expect(once.client.showVm(undefined)).rejects.toThrow(/^refused\.$/);
  });

  it.each([400, 401, 403, 404, 409, 413])("does not try again after %i", async (status) => {
    const { client, asked } = scripted([answer(status, "No.")]);
    await expect(client.updateVm(undefined, { type: 1, data: "A=1" })).rejects.toThrow(RefusedError);
    expect(asked).toHaveLength(1);
  });

  it("does not try again what cannot get better", async () => {
    const { client, asked } = scripted([new LostError("untrusted", { sent: false, lasting: true })]);
    await expect(client.showVm(undefined)).rejects.toThrow("untrusted");
    expect(asked).toHaveLength(1);
  });

  it.each([
    ["the connection was lost", sent],
    ["a proxy lost it", answer(502)],
    ["a proxy gave up", answer(504)],
  ])("never sends an action again that may have been done: %s", async (_, outcome) => {
    const { client, asked } = scripted([outcome]);
    await expect(client.actOnVm("9", { perform: "reboot", hard: false })).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });

  it("sends an action again that was surely not done", async () => {
    const { client, asked } = scripted([unsent, answer(503), answer(204)]);
    await client.actOnVm("9", { perform: "reboot", hard: false });
    expect(asked).toHaveLength(3);
  });

  it("says what a redirection means, and never follows it", async () => {
    const moved = { ...answer(301, "<html>"), headers: { location: "https://gate/vm" } };
    const { client } = scripted([moved]);
    await expect(client.showVm(undefined)).rejects.toThrow(
      "301 Text. The server points to https://gate/vm: correct ONEGATE_ENDPOINT.",
    );
    await expect(scripted([answer(404)]).client.showVm(undefined)).rejects.toThrow("404 Text.");
  });
});

describe("the proxy of the environment", () => {
  const http = new URL("http://gate.example:5030");
  const https = new URL("https://gate.example");
  const host = (endpoint: URL, variables: Record<string, string>) => proxyFor(endpoint, variables)?.url.host;

  it("is http_proxy, or https_proxy for https", () => {
    expect(host(http, {})).toBeUndefined();
    expect(host(http, { http_proxy: "http://p:3128", https_proxy: "http://s:3128" })).toBe("p:3128");
    expect(host(https, { http_proxy: "http://p:3128", https_proxy: "s:3128" })).toBe("s:3128");
    expect(host(https, { http_proxy: "http://p:3128" })).toBe("p:3128");
    expect(host(http, { HTTP_PROXY: "http://evil:1" })).toBeUndefined();
  });

  it.each([
    ["gate.example", true],
    ["other, example", true],
    [".example", true],
    ["*", true],
    ["ate.example", false],
    ["gate.example.org", false],
  ])("is left aside for no_proxy %j: %j", (no_proxy, exempt) => {
    expect(host(http, { http_proxy: "http://p:3128", no_proxy })).toBe(exempt ? undefined : "p:3128");
  });

  it("is told its own credentials, and no others are shown", () => {
    const proxy = proxyFor(http, { http_proxy: "http://me:s%40crt@p:3128" });
    expect(proxy?.forward({ path: "/vm", headers: { A: "b" } }, http)).toMatchObject({
      hostname: "p",
      port: "3128",
      path: "http://gate.example:5030/vm",
      headers: { A: "b", Host: "gate.example:5030", "Proxy-Authorization": "Basic bWU6c0BjcnQ=" },
    });
    expect(() => proxyFor(http, { http_proxy: "socks5://me:secret@p" })).toThrow(
      /^(?!.*secret).*http_proxy must be/,
    );
  });
});
