import { beforeEach, describe, expect, it } from "vitest";
import { type AuditRecord, auditLine, createAuditTrail } from "../../gateway/onegate/sight/audit.ts";
import type { GateObserver } from "../../gateway/onegate/sight/observer.ts";
import { MAX_FOLDS } from "../../gateway/onegate/sight/refusal-folds.ts";
import { createRequestLog } from "../../gateway/onegate/sight/request-log.ts";
import { withoutTokens } from "../../gateway/onegate/sight/token-mask.ts";
import { silentLogger } from "../../shared/log.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { manualClock } from "../support/manual-clock.ts";
import { openGate, tokenOf } from "../support/onegate.ts";
import { requestSeen } from "../support/request-seen.ts";

/** As this house makes them: header, no key, nonce, cipher text and tag, here of no meaning. */
const SESSION = `eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..${"Qx7".repeat(5)}Q.${"c2Vzc2lvbg".repeat(30)}.${"tZ".repeat(11)}`;

/** All parts of a text of eight characters. */
function windows(text: string): readonly string[] {
  return Array.from({ length: text.length - 7 }, (_, start) => text.slice(start, start + 8));
}

const START = "2023-11-14T22:13:20.000Z";

function trail() {
  const clock = manualClock();
  const records: AuditRecord[] = [];
  const audit = createAuditTrail(clock, (record) => records.push(record));
  return { clock, records, audit };
}

describe("the audit of a gate", () => {
  let fake: FakeCloud;
  beforeEach(() => {
    fake = new FakeCloud();
    fake.addService(1, { frontend: [7], worker: [8] });
  });

  function audited() {
    const { records, audit } = trail();
    const gate = openGate(fake, { observer: { seen: audit.seen, waiting: () => {} } });
    return { records, gate };
  }

  it("names what a guest wrote, erased and asked for, and never the values", async () => {
    const { records, gate } = audited();
    await gate.askAs(7, "/vm", { method: "PUT", body: 'PASSWORD = "hush"\nREADY = YES' });
    await gate.askAs(7, "/vm?type=2&data=READY", { method: "PUT" });
    await gate.askAs(7, "/vms/8", { method: "PUT", body: 'SERVICE_ID = "hush"' });
    await gate.askAs(7, "/vms/8/action", {
      method: "POST",
      body: JSON.stringify({ action: { perform: "terminate", params: { hard: true } } }),
    });
    await gate.askAs(7, "/vms/8/action", {
      method: "POST",
      body: JSON.stringify({ action: { perform: "rename", params: { name: "hush" } } }),
    });
    await gate.askAs(7, "/service/role/worker", { method: "PUT", body: '{"cardinality": 4}' });
    await gate.askAs(7, "/vm");
    expect(records).toEqual([
      record({ path: "/vm", status: 200, what: "update", details: ["PASSWORD", "READY"] }),
      record({ path: "/vm", status: 200, what: "erase", details: ["READY"] }),
      record({
        path: "/vms/8",
        status: 403,
        what: "update",
        target: "vm 8",
        details: ["SERVICE_ID"],
        refusal: "Attribute (SERVICE_ID) cannot be modified",
      }),
      record({
        method: "POST",
        path: "/vms/8/action",
        status: 204,
        what: "action",
        target: "vm 8",
        details: ["terminate-hard"],
      }),
      record({
        method: "POST",
        path: "/vms/8/action",
        status: 204,
        what: "action",
        target: "vm 8",
        details: ["rename"],
      }),
      record({
        path: "/service/role/worker",
        status: 503,
        what: "scale",
        target: "role worker",
        details: ["cardinality 4"],
        refusal: "Scaling needs OneFlow, which is not enabled.",
      }),
    ]);
    expect(JSON.stringify(records)).not.toContain("hush");
  });

  function record(other: object) {
    const common = { time: START, request: expect.any(String), address: "local", vm: 7, method: "PUT" };
    return { ...common, ...other };
  }

  it("never has the token that a guest shows, wherever else it puts it", async () => {
    const lines: string[] = [];
    const log = { ...silentLogger, debug: (details: object) => lines.push(JSON.stringify(details)) };
    const clock = manualClock();
    const observer: GateObserver = {
      // Each by itself: of refusals that are alike only the first would be there.
      seen(request) {
        createAuditTrail(clock, (record) => lines.push(auditLine(record))).seen(request);
        createRequestLog({ clock, log, everyRequest: true }).seen(request);
      },
      waiting: () => {},
    };
    const gate = openGate(fake, { observer });
    const token = tokenOf(fake, 7);
    const encoded = encodeURIComponent(token);
    for (const path of [token, encoded, encodeURIComponent(encoded), `x${token}y`])
      await gate.askAs(7, `/vms/${path}`);
    const act = (body: string) => gate.askAs(7, "/vms/7/action", { method: "POST", body });
    for (const perform of [token, `${"x".repeat(30)}${token}`])
      await act(JSON.stringify({ action: { perform } }));
    for (const body of [token, `${"x".repeat(85)}${token}`, token.replaceAll("/", "\\/")]) await act(body);
    const scale = { method: "PUT", body: '{"cardinality": 4}' };
    await gate.askAs(7, `/service/role/${encoded}`, scale);
    const text = lines.join("");
    for (const part of windows(token)) expect(text).not.toContain(part);
    expect(text).toContain('"path":"/vms/[token]"');
    expect(text).toContain('"target":"role [token]"');
    expect(text).toContain('"refusal":"[token] action not available');
  });

  it("never has a session token either, its own or another's", () => {
    const path = `/vms/${SESSION}`;
    const refusal = `Invalid id format (ID: ${SESSION.slice(0, 200)}...).`;
    const note = { what: "identity", details: [`audience x${SESSION}`] };
    const { path: hidden, refusal: told } = withoutTokens(requestSeen({ path, refusal }), undefined);
    expect([hidden, told]).toEqual(["/vms/[token]", "Invalid id format (ID: [token])."]);
    expect(withoutTokens(requestSeen({ note }), SESSION).note?.details).toEqual(["audience x[token]"]);
  });

  it("has what is none, though it is shown as one", async () => {
    const { records, gate } = audited();
    const path = "/vms/249/is/not/what/you/shall/see";
    await gate.ask(path, { headers: { "X-ONEGATE-TOKEN": path } });
    expect(records).toMatchObject([{ path }]);
  });

  it("has the beginning of a body that is no JSON, and no more", async () => {
    const { records, gate } = audited();
    await gate.askAs(7, "/vms/8/action", { method: "POST", body: `${"a".repeat(24)}hush` });
    await gate.askAs(8, "/vms/8/action", { method: "POST", body: "b".repeat(24) });
    expect(records.map(({ refusal }) => refusal)).toEqual([
      `unexpected token at '${"a".repeat(24)}…'`,
      `unexpected token at '${"b".repeat(24)}'`,
    ]);
  });

  it("has refusals with their sentence, and no token", async () => {
    const { records, gate } = audited();
    const token = tokenOf(fake, 7);
    await gate.ask(`/vm?token=${token}`, {
      headers: { "X-ONEGATE-TOKEN": `${token}x`, "X-ONEGATE-VMID": "7" },
    });
    await gate.ask(`/TOKEN=${token}`);
    expect(records).toMatchObject([
      { method: "GET", path: "/vm", status: 401, refusal: "Not authorized" },
      { status: 400, refusal: "OneGate server doesn't support this feature" },
    ]);
    expect(records.some((one) => "vm" in one)).toBe(false);
    expect(JSON.stringify(records)).not.toContain(token);
  });
});

it("has no line for a reader that went away while it waited", () => {
  const { records, audit } = trail();
  audit.seen(requestSeen({ status: 499 }));
  audit.seen(requestSeen({ status: 304 }));
  expect(records).toEqual([]);
});

describe("a flood of refusals", () => {
  it("is one line at once, and one with their number after ten seconds", () => {
    const { clock, records, audit } = trail();
    for (let n = 0; n < 1_000; n += 1) {
      audit.seen(requestSeen({ id: `run-${n}`, status: 429, refusal: `number ${n}` }));
      clock.advance(9);
    }
    expect(records).toHaveLength(1);
    clock.advance(1_000);
    expect(records).toMatchObject([
      { request: "run-0", refusal: "number 0" },
      { request: "run-999", refusal: "number 999", repeated: 999 },
    ]);
    expect(clock.waiting()).toBe(0);
  });

  it("leaves what is of another kind apart, and writes as they are", () => {
    const { records, audit } = trail();
    const kinds = [
      { status: 403 },
      { status: 404 },
      { status: 403, vmId: 8 },
      { status: 403, vmId: undefined, address: "10.0.0.9" },
      { status: 403, route: "/vms/:id" },
      { status: 200, method: "PUT" },
      { status: 200, method: "PUT" },
    ];
    for (const kind of [...kinds, ...kinds]) audit.seen(requestSeen(kind));
    expect(records).toHaveLength(5 + 4);
    audit.close();
    expect(records.filter(({ repeated }) => repeated === 1)).toHaveLength(5);
  });

  it("from any number of addresses takes bounded memory and bounded lines", () => {
    const { records, audit } = trail();
    for (let n = 0; n < 100_000; n += 1)
      audit.seen(requestSeen({ vmId: undefined, address: `2001:db8::${n.toString(16)}`, status: 401 }));
    expect(records.length).toBeLessThanOrEqual(MAX_FOLDS + 1);
    audit.close();
    expect(records.at(-1)?.repeated).toBe(100_000 - MAX_FOLDS - 1);
  });
});

describe("a line of the audit", () => {
  function lineOf(other: Parameters<typeof requestSeen>[0]): string {
    const { records, audit } = trail();
    audit.seen(requestSeen({ status: 400, ...other }));
    return records.map(auditLine).join("");
  }

  it("is one line of JSON without a control character, whatever a guest sends", () => {
    const hostile = '"}\r\n{"forged":1}\u0000\u001b[2J\u007f\u009b\u2028\u202e\ud800';
    const line = lineOf({
      path: `/${hostile}`,
      method: hostile,
      refusal: hostile,
      note: { what: "update", target: hostile, details: [hostile] },
    });
    expect(line).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]*\n$/u);
    expect(JSON.parse(line)).toMatchObject({ path: `/${hostile}`, refusal: hostile, details: [hostile] });
  });

  it("is bounded, however long what a guest sends", () => {
    const long = "x".repeat(1_000_000);
    const line = lineOf({
      path: `/${long}`,
      method: long,
      address: long,
      refusal: long,
      note: { what: "update", target: long, details: Array.from({ length: 100_000 }, () => long) },
    });
    expect(line.length).toBeLessThan(2_600);
    expect(JSON.parse(line).more).toBeGreaterThan(99_990);
  });

  it("has as many names as fit into 1 KiB, as they are written, and how many more there are", () => {
    const names = (name: string) => Array.from({ length: 200 }, (_, n) => `${name}_${n}`);
    for (const details of [names("ATTRIBUTE"), names("\u202e\u0000".repeat(20))]) {
      const line = lineOf({ note: { what: "update", details } });
      const { details: told, more } = JSON.parse(line);
      expect(told).toEqual(details.slice(0, told.length));
      expect(told.length + more).toBe(200);
      expect(Buffer.byteLength(line.replace(/^.*"details":\[/, "").replace(/\].*$/s, ""))).toBeLessThan(
        1_025,
      );
    }
    expect(lineOf({ note: { what: "update", details: names("A").slice(0, 9) } })).not.toContain("more");
  });

  it("hides secrets that stand in a path or a sentence beside their name", () => {
    const line = lineOf({ path: "/vm/PASSWORD=hush", refusal: 'near TOKEN_PASSWORD = "hush"' });
    expect(line).not.toContain("hush");
  });
});
