import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeCloud } from "../support/fake-cloud.ts";
import { openGate } from "../support/onegate.ts";

const RESTRICTED = ["SERVICE_ID", "ROLE_NAME", "SCHED_REQUIREMENTS"];
const ORIGINAL = { SERVICE_ID: "292", ROLE_NAME: "master", SCHED_REQUIREMENTS: "ID=1", KEPT: "1" };

const FORM = "application/x-www-form-urlencoded";

/** Letters that upper-casing or normalising turns into a plain one, or that only look like it. */
const ALIKE: Readonly<Record<string, string>> = { S: "ſ", I: "ı", E: "Е", C: "Ｃ", O: "О", R: "ʀ", _: "＿" };

/** A restricted name in any case, sometimes with one letter replaced by one that looks alike. */
const spelling = fc
  .tuple(fc.constantFrom(...RESTRICTED), fc.nat(), fc.nat(40))
  .map(([name, cases, alikeAt]) =>
    [...name]
      .map((letter, index) => {
        if (index === alikeAt) return ALIKE[letter] ?? letter;
        return (cases >> index) % 2 === 0 ? letter : letter.toLowerCase();
      })
      .join(""),
  );

/** Mostly what a parser takes, so that most texts come through to the check; sometimes what might confuse it. */
const mostly = (plain: readonly string[], odd: readonly string[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...plain) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );

const blank = mostly(["", " ", "\t", "  "], ["\r", "\v", "\f", "\u00a0", "\ufeff", "\u2028", "\0"]);
const separator = mostly(
  ["\n", "\r\n", "\\n", " \\n ", "\n\n", " # note\n"],
  ["\r", " ", "\t", ",", '"\n', ";", "&", ""],
);
const value = mostly(
  ["99", '"99"', '"a\\"b"', "'99'", '[A="1"]', "[A=1,B=2]", "[]", ""],
  ['"', '"x', "[", "x # y", "\\", '"\n"'],
);
const filler = mostly(["", "A=1", 'B="x"', "C=[K=v]", "# note", "D=", "E='"], ['F="open', "=", "G", "H=[K="]);
const prefix = mostly(
  [""],
  ["export ", "\ufeff", '"', "'", "#", "/", "../", "X=[", "USER_TEMPLATE/", "VM=", "X="],
);

/** Text that writes a restricted name somewhere, in one of many clumsy or cunning ways. */
const attributeText = fc
  .tuple(
    filler,
    separator,
    prefix,
    blank,
    spelling,
    blank,
    mostly(["="], ["==", "", "+=", "/X="]),
    blank,
    value,
    separator,
    filler,
  )
  .map((parts) => parts.join(""));

const eraseText = fc
  .tuple(blank, prefix, spelling, blank, mostly(["", "/A", "\n"], ["/", "[1]", "=", "|KEPT", "\\n", "/.."]))
  .map((parts) => parts.join(""));

const encoded = (text: string): string => encodeURIComponent(text);
const encodedAll = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

interface Sent {
  readonly path: string;
  readonly body: string;
  readonly type: string;
}

/** Every way to hand a text to PUT /vm, for `type` 1 or 2. */
function waysToSend(text: string, type: "1" | "2"): readonly Sent[] {
  const plain = "text/plain";
  return [
    { path: `/vm?type=${type}`, body: text, type: plain },
    { path: `/vm?type=${type}`, body: text, type: FORM },
    { path: "/vm", body: `data=${encoded(text)}&type=${type}`, type: FORM },
    { path: "/vm", body: `type=${type}&data=${encodedAll(text)}`, type: FORM },
    { path: `/vm?type=${type}&data=${encoded(text)}`, body: "", type: plain },
    { path: `/vm?type=${type}&data=${encodedAll(text)}`, body: "A=1", type: plain },
    { path: `/vm?type=${type}`, body: `data=A%3D1&data=${encoded(text)}`, type: FORM },
    { path: `/vm?data=A%3D1`, body: `type=${type}&data=${encoded(text)}`, type: FORM },
    { path: `/vm?type=${type}`, body: `data=A%3D1&${text}`, type: FORM },
    { path: `/vm?type=${type}`, body: `%64ata=${encoded(text)}`, type: FORM },
    { path: `/vm?type=${type}`, body: `data[]=${encoded(text)}`, type: FORM },
    { path: `/vms/7?type=${type}`, body: text, type: "application/json" },
  ];
}

async function check(text: string, type: "1" | "2", sent: Sent): Promise<void> {
  const fake = new FakeCloud();
  fake.addVm(7, { userTemplate: ORIGINAL });
  const answer = await openGate(fake).askAs(7, sent.path, {
    method: "PUT",
    body: sent.body,
    headers: { "Content-Type": sent.type },
  });
  const after = fake.vm(7).userTemplate;
  const held = Object.fromEntries(RESTRICTED.map((name) => [name, after[name]]));
  const { KEPT: _, ...expected } = ORIGINAL;
  expect({ text, type, held }).toEqual({ text, type, held: expected });
  // No other spelling of the name may stand beside it, to be taken for it by whoever compares loosely.
  const names = Object.keys(after).map((name) => name.normalize("NFKC").trim().toUpperCase());
  expect(names.filter((name) => RESTRICTED.includes(name)).sort()).toEqual([...RESTRICTED].sort());
  expect([200, 400, 403, 404]).toContain(answer.status);
}

describe("a restricted attribute", () => {
  it("is never written, however its name is spelled and sent", async () => {
    const tried = fc.asyncProperty(attributeText, fc.nat(), async (text, pick) => {
      const ways = waysToSend(text, "1");
      await check(text, "1", ways[pick % ways.length] ?? { path: "/vm", body: text, type: FORM });
    });
    await fc.assert(tried, { numRuns: 3_000 });
  });

  it("is never erased, however its name is spelled and sent", async () => {
    const tried = fc.asyncProperty(eraseText, fc.nat(), async (text, pick) => {
      const ways = waysToSend(text, "2");
      await check(text, "2", ways[pick % ways.length] ?? { path: "/vm?type=2", body: text, type: FORM });
    });
    await fc.assert(tried, { numRuns: 1_500 });
  });

  it.each([
    ["SERVICE_ID=99", "SERVICE_ID"],
    [" SERVICE_ID=99", "SERVICE_ID"],
    ["SERVICE_ID =99", "SERVICE_ID"],
    ["role_name=x", "role_name"],
    ["OK=1\nSched_Requirements=x", "Sched_Requirements"],
    ["OK=1\\nSERVICE_ID=9", "SERVICE_ID"],
    ['OK="1" SERVICE_ID="9"', "SERVICE_ID"],
    ["SERVICE_ID=[]", "SERVICE_ID"],
    ["\r\nSERVICE_ID=9\r\n", "SERVICE_ID"],
  ])("in %j is refused as it was spelled, and nothing beside it is written", async (text, spelled) => {
    const fake = new FakeCloud();
    fake.addVm(7, { userTemplate: ORIGINAL });
    for (const sent of waysToSend(text, "1").slice(0, 6)) {
      const answer = await openGate(fake).askAs(7, sent.path, {
        method: "PUT",
        body: sent.body,
        headers: { "Content-Type": sent.type },
      });
      expect(answer).toMatchObject({ status: 403, body: `Attribute (${spelled}) cannot be modified` });
    }
    expect(fake.vm(7).userTemplate).toEqual(ORIGINAL);
  });

  it("is what the settings say, in any case", async () => {
    const fake = new FakeCloud();
    fake.addVm(7);
    const gate = openGate(fake, { settings: { restrictedAttributes: ["secret"] } });
    const refused = { status: 403, body: "Attribute (Secret) cannot be modified" };
    expect(await gate.askAs(7, "/vm", { method: "PUT", body: "Secret=1" })).toMatchObject(refused);
    expect((await gate.askAs(7, "/vm", { method: "PUT", body: "ROLE_NAME=x" })).status).toBe(200);
  });
});
