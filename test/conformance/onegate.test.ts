import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Answer } from "../support/onegate.ts";
import {
  type Reach,
  type Replayed,
  recordedExchanges,
  replayAll,
  writtenText,
} from "../support/onegate-replay.ts";
import { overXmlRpc } from "../support/opennebula.ts";
import type { Exchange } from "../support/recorded-exchanges.ts";
import { DEPARTURES, type Departure } from "./onegate-departures.ts";

const EXCHANGES = recordedExchanges();
const READ_BACK = "-then-get";

const vmDocument = z.looseObject({ VM: z.looseObject({ USER_TEMPLATE: z.record(z.string(), z.unknown()) }) });

let replayed: ReadonlyMap<string, Replayed>;

const REACHES: readonly (readonly [string, Reach | undefined])[] = [
  ["an embedded cloud", undefined],
  ["an OpenNebula over XML-RPC", overXmlRpc],
];

function answerTo(name: string): Answer {
  const found = replayed.get(name);
  if (found === undefined) throw new Error(`${name} was not replayed`);
  return found.answer;
}

const departureOf = (name: string): Departure | undefined =>
  DEPARTURES.find(({ exchange }) => exchange === name);

/** JSON compared as such, since the order of names differs; everything else to the letter. */
function parsed(body: string): unknown {
  return /^[{[]/.test(body) ? JSON.parse(body) : body;
}

/** Every attribute that a request of the fixture writes; others were written by what was kept back. */
const WRITTEN: ReadonlySet<string> = new Set(
  EXCHANGES.filter(({ request }) => request.method === "PUT" && !request.path.includes("type=2")).flatMap(
    ({ request }) =>
      [...writtenText(request).matchAll(/([A-Za-z0-9_]+)\s*=/g)].map(([, name = ""]) => name.toUpperCase()),
  ),
);

/** The attributes from the recorded world, which no write of the recording may touch. */
const FROM_THE_WORLD = ["CUSTOM_ATTR", "ROLE_NAME", "SERVICE_ID"];

/** The recorded document, without what kept-back requests wrote, and with what departures up to here stored. */
function expectedReadBack(exchange: Exchange): unknown {
  const document = vmDocument.parse(JSON.parse(exchange.response.body));
  const recorded = Object.entries(document.VM.USER_TEMPLATE).filter(
    ([name]) => WRITTEN.has(name) || FROM_THE_WORLD.includes(name),
  );
  const upTo = EXCHANGES.indexOf(exchange);
  const stored = EXCHANGES.slice(0, upTo + 1).map(({ name }) => departureOf(name)?.stores ?? {});
  const own = exchange.request.path === "/vm" ? stored : [];
  const USER_TEMPLATE = Object.assign({}, Object.fromEntries(recorded), ...own);
  return { VM: { ...document.VM, USER_TEMPLATE } };
}

describe.each(REACHES)("over %s", (_, reach) => {
  beforeAll(async () => {
    replayed = new Map((await replayAll(reach)).map((one) => [one.exchange.name, one]));
  });

  describe("OneGate answers as recorded:", () => {
    it.each(EXCHANGES.map((exchange) => [exchange.name, exchange] as const))("%s", (name, exchange) => {
      const answer = answerTo(name);
      const departure = departureOf(name);
      const { response } = exchange;
      expect(answer.status).toBe(departure?.status ?? response.status);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      const type = answer.status === 204 ? null : "application/json;charset=utf-8";
      expect(answer.headers.get("content-type")).toBe(type);
      if (name.endsWith(READ_BACK)) expect(parsed(answer.body)).toEqual(expectedReadBack(exchange));
      else if (departure === undefined) expect(parsed(answer.body)).toEqual(parsed(response.body));
      else if (departure.body instanceof RegExp) expect(answer.body).toMatch(departure.body);
      else if (departure.body !== undefined) expect(answer.body).toBe(departure.body);
    });
  });

  describe("departures from the recording", () => {
    it.each(DEPARTURES.map((departure) => [departure.exchange, departure] as const))("%s is one", (name) => {
      const exchange = EXCHANGES.find((one) => one.name === name);
      const answer = answerTo(name);
      const same =
        answer.status === exchange?.response.status &&
        JSON.stringify(parsed(answer.body)) === JSON.stringify(parsed(exchange.response.body));
      expect(same).toBe(false);
    });

    it("never answer with a status of our own fault", () => {
      for (const { exchange, answer } of replayed.values()) {
        expect([exchange.name, answer.status < 500]).toEqual([exchange.name, true]);
      }
    });

    it("are each named in docs/compatibility.md", () => {
      const page = readFileSync(new URL("../../docs/compatibility.md", import.meta.url), "utf8");
      const missing = DEPARTURES.filter(({ exchange }) => !page.includes(`\`${exchange}\``));
      expect(missing).toEqual([]);
    });

    it("token-in-params shows the VM whose token it was", () => {
      expect(JSON.parse(answerTo("token-in-params").body)).toEqual(JSON.parse(answerTo("vms-self").body));
    });

    it("service-after-restricted-space and service-after-restore show the service as it was", () => {
      const before = JSON.parse(answerTo("service").body);
      expect(JSON.parse(answerTo("service-after-restricted-space").body)).toEqual(before);
      expect(JSON.parse(answerTo("service-after-restore").body)).toEqual(before);
    });

    it("service-after-suspend differs in the name that VM 250 was given", () => {
      const before = answerTo("service").body;
      expect(answerTo("service-after-suspend").body).toBe(
        before.replace("worker_0_(service_292)", "newname2"),
      );
    });
  });
});
