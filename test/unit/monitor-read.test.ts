import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_TEXT_CHARACTERS } from "../../shared/monitor/limits.ts";
import type { MessageStatus, MessageType } from "../../shared/monitor/message.ts";
import { metricValue } from "../../shared/monitor/metric-value.ts";
import { plainLines } from "../../shared/monitor/plain-lines.ts";
import { printMessage } from "../../shared/monitor/print.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import { attributesOf, metricOf, type Reading, type VmReading } from "../../shared/monitor/readings.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { anyMessage } from "../support/monitor-arbitrary.ts";

function read(type: MessageType, payload: string, status: MessageStatus = "SUCCESS"): Reading {
  return readMessage({ type, status, oid: 3, timestamp: 1_795_169_756, payload }).reading;
}

function readVms(payload: string): readonly VmReading[] {
  const reading = read("MONITOR_VM", payload);
  if (reading.kind !== "vms") throw new Error(`read as ${reading.kind}`);
  return reading.vms;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("readings of VMs", () => {
  it("makes numbers of metrics, and keeps text, vectors and repeated names", () => {
    const monitor = base64(
      'CPU="0.0"\nMEMORY=1812\nOS_VERSION="12.10"\nDISK_SIZE=[ID="0",SIZE="5"]\nDISK_SIZE=[ID="1",SIZE="6"]\n',
    );
    const [vm, ...others] = readVms(`VM = [ ID="7", DEPLOY_ID="one-7", MONITOR="${monitor}" ]`);
    expect(others).toEqual([]);
    if (vm === undefined) throw new Error("no VM was read");
    expect(vm).toMatchObject({ id: 7, deployId: "one-7" });
    expect([metricOf(vm, "CPU"), metricOf(vm, "MEMORY"), metricOf(vm, "OS_VERSION")]).toEqual([
      0,
      1812,
      "12.10",
    ]);
    expect(metricOf(vm, "NETRX")).toBeUndefined();
    expect(attributesOf(vm).DISK_SIZE).toEqual([
      { ID: "0", SIZE: "5" },
      { ID: "1", SIZE: "6" },
    ]);
  });

  it("shares one list of names among VMs with the same metrics", () => {
    const record = (id: number) => `VM=[ID="${id}",DEPLOY_ID="d",MONITOR="${base64("CPU=1\nMEMORY=2\n")}"]\n`;
    const [first, second] = readVms(record(0) + record(1));
    expect(first?.names).toEqual(["CPU", "MEMORY"]);
    expect(second?.names).toBe(first?.names);
  });

  it("reads base64 that an encoder folded into lines", () => {
    const folded = `${base64("CPU=1\n")}`.replace(/(.{4})/g, "$1\n");
    expect(readVms(`VM=[ID="0",DEPLOY_ID="d",MONITOR="${folded}"]`)[0]?.values).toEqual([1]);
  });

  it.each([
    ["a missing", '""', 'VM=[DEPLOY_ID="x",MONITOR=""]'],
    ["a negative", "-2", 'VM=[ID="-2",DEPLOY_ID="x",MONITOR=""]'],
    ["a huge", "2147483648", 'VM=[ID="2147483648",DEPLOY_ID="x",MONITOR=""]'],
    ["a word as", '"abc"', 'VM=[ID="abc",DEPLOY_ID="x",MONITOR=""]'],
  ])("refuses %s ID with a sentence that shows it", (_, shown, payload) => {
    expect(() => readVms(payload)).toThrow(expect.objectContaining({ reason: "unreadable" }));
    expect(() => readVms(payload)).toThrow(shown);
  });

  it.each([
    ["no base64", 'VM=[ID="0",MONITOR="%%%"]'],
    ["bytes that are no text", `VM=[ID="0",MONITOR="${Buffer.from([255, 0]).toString("base64")}"]`],
    ["text that is no template", `VM=[ID="0",MONITOR="${base64("Traceback!\n")}"]`],
    ["a VM that is no vector", "VM=5"],
    ["no template", "bash: virsh: command not found"],
  ])("refuses %s", (_, payload) => {
    expect(() => readVms(payload)).toThrow(expect.objectContaining({ reason: "unreadable" }));
  });

  it("refuses more VMs than a host can have", () => {
    const payload = 'VM=[ID="0"]\n'.repeat(10_001);
    expect(() => readVms(payload)).toThrow(expect.objectContaining({ reason: "too_large" }));
  });
});

describe("states", () => {
  it("reads a full report with what the missing became", () => {
    const payload =
      'SYNC_STATE=yes\nMISSING_STATE=UNKNOWN\nVM = [ ID="2", DEPLOY_ID="d",  STATE="POWEROFF", X="1" ]\n';
    expect(read("STATE_VM", payload)).toEqual({
      kind: "states",
      sync: true,
      missingState: "UNKNOWN",
      vms: [{ id: 2, deployId: "d", state: "POWEROFF", more: { X: "1" } }],
      more: {},
    });
  });

  it("takes a state nobody knows for UNKNOWN, so that a full report does not power the VM off", () => {
    expect(read("STATE_VM", 'VM=[ID="1",DEPLOY_ID="d",STATE="PAUSED"]')).toMatchObject({
      sync: false,
      missingState: undefined,
      vms: [{ state: "UNKNOWN" }],
    });
  });
});

it("keeps wild VMs apart from the host's attributes", () => {
  const wild = `VM=[ID="-1",VM_NAME="w",DEPLOY_ID="d",IMPORT_TEMPLATE="${base64("CPU=1\n")}",NEW="x"]`;
  expect(read("SYSTEM_HOST", `ARCH=x86_64\n${wild}\nVERSION="7.5.80"\n`)).toEqual({
    kind: "host",
    attributes: { ARCH: "x86_64", VERSION: "7.5.80" },
    wilds: [{ name: "w", deployId: "d", importTemplate: "CPU=1\n", more: { NEW: "x" } }],
  });
});

it("takes what a failed probe printed as it is, bounded", () => {
  const text = "Error executing state.rb: [oops\0";
  expect(read("SYSTEM_HOST", text, "FAILURE")).toEqual({
    kind: "failure",
    text: text.replace("\0", "\ufffd"),
  });
  const long = read("STATE_VM", "x".repeat(MAX_TEXT_CHARACTERS + 1), "ERROR");
  expect(long).toEqual({ kind: "failure", text: "x".repeat(MAX_TEXT_CHARACTERS) });
});

it.each([
  ["E", "error"],
  ["W", "warning"],
  ["I", "info"],
  ["D", "debug"],
  ["FAILURE", "info"],
  ["ERROR", "error"],
  ["-", "info"],
] as const)("reads a LOG of status %s as %s", (status, level) => {
  expect(read("LOG", "hello [x", status)).toEqual({ kind: "log", level, text: "hello [x" });
});

it("makes a number of a metric only where nothing is lost, or where it is known to be one", () => {
  const cases = [
    ["X", "1812", 1812],
    ["X", "0.5", 0.5],
    ["X", "12.10", "12.10"],
    ["X", "007", "007"],
    ["X", "-0", "-0"],
    ["X", "NaN", "NaN"],
    ["X", "Infinity", "Infinity"],
    ["X", "12345678901234567890", "12345678901234567890"],
    ["X", "", ""],
    ["CPU", "0.0", 0],
    ["CPU", "-0.0", 0],
    ["NETRX_BW_FORECAST", "12.10", 12.1],
    ["NETRX", "99999999999999999", "99999999999999999"],
    ["CPU", "1,5", "1,5"],
  ] as const;
  for (const [name, text, value] of cases) expect([name, metricValue(name, text)]).toEqual([name, value]);
});

it("reads plain lines as the template parser does, or leaves them to it", () => {
  const piece = fc.constantFrom(
    'A="',
    '"',
    "\n",
    "B=",
    "C=[",
    "]",
    "x",
    "1.5",
    " ",
    "\\",
    "#",
    ",",
    "é",
    "=",
    "\r",
  );
  const line = fc.constantFrom('A="1"\n', "B=2\n", 'C="a b"\n', 'D=""\n', "E=x", 'F="a\nb"\n');
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: line }, piece), { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      const quick = plainLines(text);
      if (quick !== undefined) expect(quick).toEqual(parseTemplate(text));
    }),
    { numRuns: 2000 },
  );
  expect(plainLines('A="1"\nB=2\n')).toEqual({ A: "1", B: "2" });
});

it("reads back every message that it prints", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      expect(readMessage(printMessage(message))).toEqual(message);
    }),
    { numRuns: 500 },
  );
});
