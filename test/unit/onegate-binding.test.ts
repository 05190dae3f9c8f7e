import { describe, expect, it } from "vitest";
import { Standings } from "../../gateway/onegate/trust/standing.ts";
import type { Template } from "../../shared/template/types.ts";
import { blankVm } from "../support/blank-vm.ts";
import { SILENT } from "../support/embedded.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { openGate } from "../support/onegate.ts";

const NICS: Template = {
  NIC: [
    {
      NAME: "NIC0",
      NETWORK_ID: "0",
      IP: "10.0.0.5",
      IP6_GLOBAL: "2001:db8::5",
      IP6_LINK: "fe80::400:aff:fe00:5",
    },
    { NAME: "NIC1", NETWORK_ID: "1", IP: "", MAC: "02:00:0a:00:01:05" },
    { NAME: "NIC2", IP: "198.51.100.9" },
  ],
  NIC_ALIAS: { NAME: "NIC0_ALIAS0", NETWORK_ID: "2", IP: "10.0.2.5", EXTERNAL_IP: "203.0.113.7" },
};

const bound = (template: Template, bindAddresses = true) =>
  new Standings({ profile: "open", bindAddresses }, SILENT).of(blankVm({ id: 7, template })).takesFrom;

describe("a token that is bound to its VM's addresses", () => {
  it.each([
    ["10.0.0.5", true],
    ["::ffff:10.0.0.5", true],
    ["10.0.2.5", true],
    ["203.0.113.7", true],
    ["2001:db8:0:0::5", true],
    ["fe80::400:aff:fe00:5%eth0", true],
    // Its wire, and another VM's.
    ["127.64.0.7", true],
    ["127.64.0.8", false],
    ["10.0.0.6", false],
    // Of a NIC that no network knows.
    ["198.51.100.9", false],
    ["2001:db8::6", false],
    ["127.0.0.1", false],
    ["local", false],
    ["", false],
    ["10.0.0.5, 10.0.0.6", false],
  ])("sent from %s counts: %s", (address, counts) => {
    expect(bound(NICS)?.(address)).toBe(counts);
  });

  it("counts from nowhere when the VM has no address", () => {
    expect(bound({})?.("10.0.0.5")).toBe(false);
    expect(bound({})?.("127.64.0.7")).toBe(false);
  });

  it("is bound by the setting or by its template, and by nothing else", () => {
    expect(bound(NICS, false)).toBeUndefined();
    expect(bound({ ...NICS, CONTEXT: { ONEGATE_BIND: "yes" } }, false)?.("10.0.0.6")).toBe(false);
    expect(bound({ ...NICS, CONTEXT: { ONEGATE_BIND: "no" } })?.("10.0.0.6")).toBe(false);
  });

  it("is refused elsewhere like a wrong one", async () => {
    const fake = new FakeCloud();
    fake.addVm(7, { template: NICS });
    expect((await openGate(fake).askAs(7, "/vm")).status).toBe(200);
    const binding = openGate(fake, { settings: { bindAddresses: true } });
    expect(await binding.askAs(7, "/vm")).toMatchObject({ status: 401, body: "Not authorized" });
  });
});
