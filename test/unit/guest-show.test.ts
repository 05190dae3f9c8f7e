import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { printJson, printNetwork, printRouter, printService, printVm } from "../../agent/guest/show.ts";

/** What a real OpenNebula answered. */
const exchange = z.object({ name: z.string(), response: z.object({ body: z.string() }) });
const recorded = new Map(
  readFileSync(new URL("../fixtures/onegate.jsonl", import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => exchange.parse(JSON.parse(line)))
    .map(({ name, response }) => [name, response.body]),
);
const answer = (name: string): unknown => JSON.parse(recorded.get(name) ?? "");
const plain = { tty: false };

/** Lines without the blanks that fill headings up to 80 columns. */
const trimmed = (text: string) => text.replaceAll(/ +$/gm, "");

describe("onegate's output", () => {
  it("shows a VM by name, state and addresses", () => {
    expect(printVm(answer("vm-service"), plain)).toBe(
      [
        "VM 249".padEnd(80),
        "NAME                : master_0_(service_292)",
        "STATE               : RUNNING",
        "IP                  : 10.0.0.172",
        "",
      ].join("\n"),
    );
  });

  it("shows a service with the VMs of its roles, as the sample of the seed does", () => {
    expect(trimmed(printService(answer("service-extended"), plain))).toBe(`SERVICE 292
NAME                : gatesvc
STATE               : RUNNING

ROLE master
VM 249
NAME                : master_0_(service_292)
STATE               : RUNNING
IP                  : 10.0.0.172

ROLE worker
VM 250
NAME                : worker_0_(service_292)
STATE               : RUNNING
IP                  : 10.0.0.173
VM 251
NAME                : worker_1_(service_292)
STATE               : RUNNING
IP                  : 10.0.0.174

`);
  });

  it("shows of a service's VMs what there is, where a server tells no more than names", () => {
    const text = trimmed(printService(answer("service"), plain));
    expect(text).toContain(
      "ROLE master\nVM 249\nNAME                : master_0_(service_292)\n\nROLE worker\n",
    );
    expect(text).not.toContain("IP ");
  });

  it("shows nodes that are only known by id, pending VMs without an address, and states it does not know", () => {
    const pending = {
      VM: { ID: "10", NAME: "slave_1", STATE: "1", LCM_STATE: "0", TEMPLATE: { NIC: [{}] } },
    };
    const nodes = [
      { deploy_id: 9, vm_info: null },
      { deploy_id: 10, vm_info: pending },
    ];
    const service = {
      SERVICE: { id: "1", name: "s", state: 8, roles: [{ name: "slave", nodes }, { name: "x" }] },
    };
    expect(trimmed(printService(service, plain))).toBe(
      [
        ...["SERVICE 1", "NAME                : s", "STATE               : SCALING", ""],
        ...[
          "ROLE slave",
          "VM 9",
          "VM 10",
          "NAME                : slave_1",
          "STATE               : PENDING",
          "",
        ],
        ...["ROLE x", "", ""],
      ].join("\n"),
    );
    expect(printVm({ VM: { ID: "1", STATE: "3", LCM_STATE: "99" } }, plain)).toContain(
      ": UNKNOWN_STATE_99\n",
    );
  });

  it("shows every NIC's address, and NICs that stand alone", () => {
    const vm = (NIC: unknown) => printVm({ VM: { ID: "1", NAME: "a", TEMPLATE: { NIC } } }, plain);
    expect(vm([{ IP: "10.0.0.1" }, { MAC: "02:00" }, { IP: "10.0.0.2" }])).toContain(
      "IP                  : 10.0.0.1\nIP                  : 10.0.0.2\n",
    );
    expect(vm({ IP: "10.0.0.3" })).toContain(": 10.0.0.3\n");
  });

  it("shows a router with its VMs, and a network by its id", () => {
    expect(trimmed(printRouter(answer("vrouter"), plain))).toBe(
      "VROUTER 0\nNAME                : vr1\nVMS                 : 1,2\n",
    );
    expect(trimmed(printNetwork(answer("vnet0"), plain))).toBe("VNET\nID                  : 0\n");
  });

  it("gives the server's JSON with two blanks of indentation", () => {
    expect(printJson({ VM: { ID: "9", NIC: [] } }, plain)).toBe(
      '{\n  "VM": {\n    "ID": "9",\n    "NIC": []\n  }\n}\n',
    );
  });

  it("sets headings off on a terminal, roles without a line under them", () => {
    const text = printService(answer("service"), { tty: true });
    expect(text).toContain(`\x1b[1m\x1b[4m${"SERVICE 292".padEnd(80)}\x1b[0m\n`);
    expect(text).toContain(`\x1b[1m${"ROLE master".padEnd(80)}\x1b[0m\n`);
  });

  it("lets no control character of a name reach the terminal", () => {
    const text = printVm({ VM: { ID: "1", NAME: "a\x1b[2Jb\n\u202Ec" } }, plain);
    expect(text).toContain(": a\\u001b[2Jb\\u000a\\u202ec\n");
  });

  it.each([null, [], "text", 5, {}, { VM: 5, SERVICE: { roles: { nodes: 5 } }, VROUTER: [], VNET: null }])(
    "does not break on %j",
    (odd) => {
      for (const print of [printVm, printService, printRouter, printNetwork, printJson]) {
        expect(print(odd, plain)).toMatch(/\n$/);
      }
    },
  );
});
