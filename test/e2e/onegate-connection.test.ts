/** The bundled `onegate` against servers in OneGate's place: what it sends, when it tries again, TLS and proxies. */

import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildBundle, type Ended, GUEST_NODE, runGuest } from "../support/guest-command.ts";
import { scratchDirectory } from "../support/house.ts";
import { listening, type ScriptedGate, scriptedGate } from "../support/scripted-gate.ts";

const scratch = scratchDirectory("connection");
const VM = '{"VM":{"ID":"7","NAME":"seven"}}';
const SHOWN = { code: 0, out: `${"VM 7".padEnd(80)}\n${"NAME".padEnd(20)}: seven\n`, err: "" };
let bundle = "";
let gate: ScriptedGate;

beforeAll(async () => {
  bundle = await buildBundle(scratch.path);
  gate = await scriptedGate();
});

afterAll(async () => {
  await gate.close();
  scratch.remove();
});

async function onegate(args: string, changes: Record<string, string> = {}): Promise<Ended> {
  const context = { ONEGATE_ENDPOINT: gate.url, TOKENTXT: "dG9rZW4=", VMID: "7", ...changes };
  return await runGuest([GUEST_NODE, bundle, ...args.split(" ")], context).ended;
}

describe("onegate sends", () => {
  it("token and id, to the root of the endpoint whatever its path", async () => {
    gate.script([200, VM]);
    expect(await onegate("vm show", { ONEGATE_ENDPOINT: `${gate.url}/any/path/` })).toEqual(SHOWN);
    expect(gate.asked[0]).toMatchObject({
      method: "GET",
      url: "/vm",
      headers: { "x-onegate-token": "dG9rZW4=", "x-onegate-vmid": "7" },
    });
  });

  it("forms as the newer client does, also on a GET", async () => {
    gate.script([200, ""]);
    expect(await onegate("vm update --data A=1")).toMatchObject({ code: 0, out: "" });
    const form = { headers: { "content-type": "application/x-www-form-urlencoded" } };
    expect(gate.asked[0]).toMatchObject({ ...form, method: "PUT", url: "/vm", body: "data=A%3D1&type=1" });
    gate.script([200, '{"SERVICE":{}}']);
    await onegate("service show");
    expect(gate.asked[0]).toMatchObject({ ...form, method: "GET", url: "/service", body: "extended=true" });
  });

  it("a cardinality as a string, and shows why it is refused", async () => {
    gate.script([200, ""]);
    expect(await onegate("service scale --role worker --cardinality 3")).toEqual({
      code: 0,
      out: "",
      err: "",
    });
    expect(gate.asked[0]).toMatchObject({
      method: "PUT",
      url: "/service/role/worker",
      body: '{"cardinality":"3"}',
    });
    gate.script([400, "Error performing action on service 292 role worker"]);
    expect((await onegate("service scale -r worker -c 3")).err).toBe(
      "ERROR: \nError performing action on service 292 role worker\n",
    );
  });

  it("actions as JSON", async () => {
    gate.script([204, ""]);
    await onegate("vm terminate --hard 9");
    expect(gate.asked[0]).toMatchObject({
      method: "POST",
      url: "/vms/9/action",
      headers: { "content-type": "application/json" },
      body: '{"action":{"perform":"terminate","params":true}}',
    });
  });
});

describe("onegate tries again", () => {
  it("after 5xx answers and lost connections", async () => {
    gate.script([503, "Later"], "drop", "half", [200, VM]);
    expect(await onegate("vm show")).toEqual(SHOWN);
    expect(gate.asked).toHaveLength(4);
  });

  it("no more often than told, and then shows the server's words", async () => {
    gate.script([500, "Internal server error"]);
    expect(await onegate("vm show --retries 1")).toEqual({
      code: 255,
      out: "",
      err: "ERROR: \nInternal server error\n",
    });
    expect(gate.asked).toHaveLength(2);
  });

  it("never after a 4xx", async () => {
    gate.script([404, "Virtual router 3 not found"]);
    expect((await onegate("vrouter show")).err).toBe("ERROR: \nVirtual router 3 not found\n");
    expect(gate.asked).toHaveLength(1);
  });

  it("not with an action that may have been done", async () => {
    gate.script("drop");
    const { code, err } = await onegate("vm reboot 9");
    expect(code).toBe(255);
    expect(err).toMatch(/^ERROR: \nOneGate at http:\/\/127\.0\.0\.1:\d+ cannot be reached: .*\n$/);
    expect(gate.asked).toHaveLength(1);
  });
});

describe("onegate gives up", () => {
  it("when no answer comes within the time limit", async () => {
    gate.script("hang");
    const { code, err } = await onegate("vm show --timeout 0.2 --retries 0");
    expect(code).toBe(255);
    expect(err).toBe(`ERROR: \nOneGate at ${gate.url} did not answer within 0.2 s.\n`);
  });

  it("when the answer is not JSON", async () => {
    gate.script([200, "<html>A captive portal</html>"]);
    expect((await onegate("vm show")).err).toBe(
      "ERROR: \nThe server's answer is not JSON: is ONEGATE_ENDPOINT right?\n",
    );
  });

  it("without a word when nobody reads its output any more", async () => {
    const nics = Array.from({ length: 20_000 }, () => '{"IP":"10.0.0.1"}').join(",");
    gate.script([200, `{"VM":{"ID":"7","NAME":"seven","TEMPLATE":{"NIC":[${nics}]}}}`]);
    const context = { ONEGATE_ENDPOINT: gate.url, TOKENTXT: "dG9rZW4=", VMID: "7" };
    const piped = `"${GUEST_NODE}" "${bundle}" vm show | head -n 2`;
    const { out, err } = await runGuest(["sh", "-c", piped], context).ended;
    expect(out).toBe(SHOWN.out);
    expect(err).toBe("");
  });
});

describe("TLS", () => {
  const tls = (name: string) => fileURLToPath(new URL(`../fixtures/guest/tls/${name}`, import.meta.url));
  const server = createSecureServer(
    { key: readFileSync(tls("key.pem")), cert: readFileSync(tls("cert.pem")) },
    (_, response) => response.end(VM),
  );
  let url = "";
  beforeAll(async () => {
    url = `https://127.0.0.1:${(await listening(server)).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it("is verified, at once and in plain words", async () => {
    const { code, err } = await onegate("vm show", { ONEGATE_ENDPOINT: url });
    expect(code).toBe(255);
    expect(err).toMatch(
      /^ERROR: \nThe TLS certificate of https:\S+ is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    );
    expect(err).toMatch(/with --insecure\.\n$/);
  });

  it("takes an authority of one's own, or none when told so", async () => {
    const ours = { ONEGATE_ENDPOINT: url, NODE_EXTRA_CA_CERTS: tls("cert.pem") };
    expect(await onegate("vm show", ours)).toEqual(SHOWN);
    for (const args of ["vm show --insecure", "-k vm show"]) {
      expect(await onegate(args, { ONEGATE_ENDPOINT: url })).toEqual(SHOWN);
    }
    expect(await onegate("vm show", { ONEGATE_ENDPOINT: url, ONEGATE_INSECURE: "YES" })).toEqual(SHOWN);
  });

  it("reaches through a proxy, still verified", async () => {
    const proxy = await startProxy();
    const through = { ONEGATE_ENDPOINT: url, http_proxy: proxy.url };
    expect((await onegate("vm show", through)).err).toContain("is not trusted");
    const ours = { ...through, NODE_EXTRA_CA_CERTS: tls("cert.pem") };
    expect(await onegate("vm show", ours)).toEqual(SHOWN);
    expect(proxy.seen).toEqual([`CONNECT ${new URL(url).host}`, `CONNECT ${new URL(url).host}`]);
    await proxy.close();
    const gone = await onegate("vm show --retries 0", through);
    expect(gone.err).toContain(`The proxy ${new URL(proxy.url).host} gives no connection`);
  });
});

describe("http_proxy", () => {
  it("is used, unless no_proxy names the host", async () => {
    const proxy = await startProxy();
    gate.script([200, VM]);
    expect(await onegate("vm show", { http_proxy: proxy.url })).toEqual(SHOWN);
    expect(proxy.seen).toEqual([`GET ${gate.url}/vm`]);
    expect(gate.asked[0]?.headers["x-onegate-token"]).toBe("dG9rZW4=");
    expect(await onegate("vm show", { http_proxy: proxy.url, no_proxy: "127.0.0.1" })).toEqual(SHOWN);
    expect(proxy.seen).toHaveLength(1);
    await proxy.close();
  });
});

/** A forward proxy that notes what it is asked. */
async function startProxy() {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    const onward = request(
      incoming.url ?? "",
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502);
        answer.pipe(response);
      },
    );
    incoming.pipe(onward);
  });
  server.on("connect", ({ url = "" }, socket: Socket) => {
    seen.push(`CONNECT ${url}`);
    const [host, port] = url.split(":");
    const onward = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    for (const each of [socket, onward]) {
      sockets.add(each);
      each.on("error", vi.fn()).on("close", () => sockets.delete(each));
    }
  });
  const { port } = await listening(server);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${port}`, seen, close };
}
