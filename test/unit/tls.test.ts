import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tlsFilesOf } from "../../gateway/config/listening.ts";
import { loadConfig } from "../../gateway/config.ts";
import { type Listening, listen } from "../../gateway/main/listen.ts";
import { readTls } from "../../gateway/main/tls.ts";
import type { Logger } from "../../shared/log.ts";
import { SILENT } from "../support/embedded.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/tls/", import.meta.url));
const AUTHORITY = readFileSync(path.join(FIXTURES, "authority.pem"));
const LOOK_MS = 5_000;

let folder: string;
let clock: ManualClock;
let listening: Listening | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gatehouse-tls-"));
  clock = manualClock();
  install("good.pem");
  copyFileSync(path.join(FIXTURES, "key.pem"), file("key.pem"));
});

afterEach(async () => {
  await listening?.close();
  listening = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string): string => path.join(folder, name);
const install = (name: string): void => copyFileSync(path.join(FIXTURES, name), file("cert.pem"));
const files = (): { certFile: string; keyFile: string } => ({
  certFile: file("cert.pem"),
  keyFile: file("key.pem"),
});

async function start(log: Logger = SILENT): Promise<void> {
  const app = new Hono().get("/", (context) => context.text(context.req.url.split(":", 1)[0] ?? ""));
  const endpoint = { host: "127.0.0.1", port: 0 };
  listening = await listen({ name: "onegate", app, endpoint, tls: files(), clock, log });
}

/** The answer, and the name of the certificate that was shown. */
function get(options: { maxVersion?: "TLSv1.1" | "TLSv1.2" } = {}): Promise<{ body: string; name: string }> {
  return new Promise((resolve, reject) => {
    const { port } = listening ?? { port: 0 };
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        ca: AUTHORITY,
        agent: false,
        checkServerIdentity: () => undefined,
        ...options,
      },
      (response) => {
        const name = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
        let body = "";
        response.on("data", (part: Buffer) => {
          body += part.toString();
        });
        response.on("end", () => resolve({ body, name: String(name) }));
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

describe("HTTPS", () => {
  it("is all that is spoken where a certificate is set", async () => {
    await start();
    expect(await get()).toEqual({ body: "https", name: "good" });
    await expect(fetch(`http://127.0.0.1:${listening?.port}/`)).rejects.toThrow();
    await expect(get({ maxVersion: "TLSv1.1" })).rejects.toThrow();
  });

  it("shows a renewed certificate to new connections", async () => {
    await start();
    install("other.pem");
    expect((await get()).name).toBe("good");
    clock.advance(LOOK_MS);
    expect((await get()).name).toBe("other");
  });

  it("keeps the old certificate while the files cannot be used, says so once, and takes them when they can", async () => {
    const said: string[] = [];
    await start({ ...SILENT, error: (_details: object, message: string) => void said.push(message) });
    writeFileSync(file("cert.pem"), "half a certifi");
    for (let looks = 0; looks < 3; looks += 1) clock.advance(LOOK_MS);
    expect((await get()).name).toBe("good");
    expect(said).toEqual(["The changed TLS files cannot be used; the old certificate stays"]);
    install("other.pem");
    clock.advance(LOOK_MS);
    expect((await get()).name).toBe("other");
  });

  it("is refused at start with files that are missing or do not belong together", () => {
    writeFileSync(file("key.pem"), readFileSync(path.join(FIXTURES, "authority.pem")));
    expect(() => readTls(files())).toThrow(/cannot be used together/);
    rmSync(file("key.pem"));
    expect(() => readTls(files())).toThrow(/key\.pem cannot be read/);
  });

  it("takes a certificate and its key, or neither", () => {
    const load = (env: Record<string, string>) => loadConfig({ env, cwd: folder }).config;
    expect(tlsFilesOf(load({}))).toBeUndefined();
    expect(
      tlsFilesOf(load({ GATEHOUSE_ONEGATE_TLS_CERT_FILE: "c", GATEHOUSE_ONEGATE_TLS_KEY_FILE: "k" })),
    ).toEqual({
      certFile: file("c"),
      keyFile: file("k"),
    });
    expect(() => tlsFilesOf(load({ GATEHOUSE_ONEGATE_TLS_CERT_FILE: "c" }))).toThrow(/key_file is not set/);
  });
});
