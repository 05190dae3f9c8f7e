/** The JSON reader of `onegate.sh`, in POSIX awk, under every awk there is: JSON.parse and the TypeScript command are its measure. */

import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, runGuest } from "../support/guest-command.ts";
import { scratchDirectory } from "../support/house.ts";
import { type ScriptedGate, scriptedGate } from "../support/scripted-gate.ts";
import { type ShGuest, shGuest } from "../support/sh-guest.ts";

const TYPESCRIPT = fileURLToPath(new URL("../../agent/guest/main.ts", import.meta.url));
const scratch = scratchDirectory("onegate-sh-json");
let gate: ScriptedGate;

beforeAll(async () => {
  gate = await scriptedGate();
});
afterAll(async () => {
  await gate.close();
  scratch.remove();
});

const context = () => ({
  CONTEXT_DIR: scratch.path,
  ONEGATE_ENDPOINT: gate.url,
  TOKENTXT: "c2VjcmV0",
  VMID: "7",
});

/** What the command makes of an answer. */
function run(guest: ShGuest, answer: string, ...args: string[]): Promise<Ended> {
  gate.script([200, answer]);
  return runGuest([...guest.command, ...args], { ...context(), PATH: guest.path(scratch.path) }).ended;
}

const AWKS = ["mawk", "gawk", "original-awk", "busybox"].map((awk) =>
  shGuest({ shell: "dash", client: "curl", awk }),
);

for (const { name, lacks } of AWKS) {
  if (lacks) console.log(`Skipped: the JSON reader under ${name}, since ${lacks}.`);
}

/** What the TypeScript command prints of each text, asked once for all. */
const references = new Map<string, Ended>();

describe.each(AWKS.map((guest) => [guest.name, guest] as const))("the JSON reader under %s", (_, guest) => {
  const printed = (value: unknown) => ({ code: 0, out: `${JSON.stringify(value, null, 2)}\n`, err: "" });

  it.skipIf(guest.lacks)("prints any JSON as JSON.stringify does", async () => {
    const documents = fc.array(fc.jsonValue({ stringUnit: "binary" }), { minLength: 20, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(documents, fc.constantFrom(undefined, 1, "\r\n\t "), async (values, blanks) => {
        const text = JSON.stringify(values, null, blanks);
        expect(await run(guest, text, "vm", "show", "-j")).toEqual(printed(JSON.parse(text)));
      }),
      { numRuns: 8 },
    );
  });

  it.skipIf(guest.lacks)("undoes every escape", async () => {
    const text = String.raw`{"\u0041\/\\\"": ["\b\f\n\r\t\u0000\u001F\u007f", "\u00e9\u20AC\ud83d\ude00\ud800x\udc00\\u0041\\", ""], "n": [-1.5e-7, 0, 12, true, false, null, {}, []]}`;
    expect(await run(guest, text, "vm", "show", "-j")).toEqual(printed(JSON.parse(text)));
  });

  it.skipIf(guest.lacks)("refuses what is not JSON", async () => {
    const wrong = [
      "",
      "{",
      "[1,]",
      '{"a" 1}',
      '{"a":1,}',
      "{1:2}",
      "nul",
      "truefalse",
      '"\\x"',
      '["\\u12g4"]',
      "[01]",
      "1 2",
    ];
    const err = "ERROR: \nThe server's answer is not JSON: is ONEGATE_ENDPOINT right?\n";
    for (const text of [
      ...wrong,
      "[1}",
      '{"a":"b',
      '["a\nb"]',
      '"a""b"',
      "<html>",
      `${"[".repeat(65)}${"]".repeat(65)}`,
    ]) {
      expect([text, await run(guest, text, "vm", "show", "-j")]).toEqual([text, { code: 255, out: "", err }]);
    }
  });

  it.skipIf(guest.lacks)("prints for people what the TypeScript command prints", async () => {
    const nics = { NIC: [{ IP: "10.0.0.1" }, { MAC: "02:00" }, { IP: "10.0.0.2" }] };
    const strange = '\u001b[31mé\u202e\u200b\u0085\ufeff😀"\\ \u0000';
    const roles = [
      {
        name: "rôle😀",
        nodes: [
          { deploy_id: 4, vm_info: null },
          { deploy_id: 5, vm_info: { VM: { ID: "5", NAME: strange } } },
        ],
      },
      { name: "none", nodes: [] },
      {
        name: "one",
        nodes: {
          deploy_id: 6,
          vm_info: { VM: { ID: 6, STATE: "3", LCM_STATE: "71", TEMPLATE: { NIC: { IP: "1.2.3.4" } } } },
        },
      },
    ];
    const cases: readonly (readonly [string, unknown])[] = [
      ["vm", { VM: { ID: "1", NAME: strange, STATE: "3", LCM_STATE: "3", TEMPLATE: nics } }],
      ["vm", { VM: { ID: "1", STATE: "8", LCM_STATE: "0", TEMPLATE: { NIC: [] } } }],
      ["vm", { VM: { ID: "1", STATE: "99" } }],
      ["vm", []],
      ["service", { SERVICE: { id: "9", name: "s", state: 10, roles } }],
      ["service", { SERVICE: { id: "9", name: "s", state: 16 } }],
      ["vrouter", { VROUTER: { ID: "2", NAME: "r", VMS: { ID: [1, 2] } } }],
      ["vrouter", { VROUTER: { ID: "2", NAME: "r", VMS: {} } }],
    ];
    for (const [resource, document] of cases) {
      const text = JSON.stringify(document);
      gate.script([200, text]);
      const known =
        references.get(text) ??
        (await runGuest([process.execPath, TYPESCRIPT, resource, "show"], context()).ended);
      references.set(text, known);
      expect([document, await run(guest, text, resource, "show")]).toEqual([document, known]);
    }
  });
});
