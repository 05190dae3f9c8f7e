import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { indentXml } from "../../gateway/cli/one/indent-xml.ts";
import { GROUP, HOST, type Kind, TEMPLATE, USER, VM, VNET, VROUTER } from "../../gateway/cli/one/kind.ts";
import { cellsOf, renderTable, selectColumns } from "../../gateway/cli/one/table.ts";
import { templateText } from "../../gateway/cli/one/template-text.ts";
import { shortHostState, shortNetworkState, shortVmState } from "../../gateway/cli/one/view/short-state.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { RECORDED_NOW } from "../support/admin-command.ts";
import { recordedDocument, worldPool } from "../support/scripted-core.ts";

const zone = process.env.TZ;

beforeAll(() => {
  process.env.TZ = "UTC";
});

afterAll(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

function tableOf(kind: Kind, xml: string): readonly string[] {
  const columns = selectColumns(kind.view.columns, kind.view.defaults);
  const rows = kind.view.rows(xmlToTree(xml).node);
  return renderTable(columns, cellsOf(columns, rows, RECORDED_NOW))
    .trimEnd()
    .split("\n");
}

function pageOf(kind: Kind, xml: string, all = false): string {
  return kind.view.page(xmlToTree(xml).node, { now: RECORDED_NOW, all });
}

describe("the lists, of what oned answered", () => {
  it("onevm list", () => {
    const lines = tableOf(VM, recordedDocument("vmpool-info-all"));
    expect([lines[0], lines[1], lines.at(-1)]).toEqual([
      "    ID USER     GROUP    NAME            STAT  CPU     MEM HOST             TIME",
      "    64 alice    users    worker_2_(servi runn  0.1     64M dummyhost2   0d 00h02",
      "     0 alice    users    standalone      runn  0.1     64M dummyhost2   0d 00h27",
    ]);
    expect(lines).toHaveLength(12);
  });

  it("onehost list", () => {
    expect(tableOf(HOST, recordedDocument("hostpool-info")).slice(0, 2)).toEqual([
      "  ID NAME            CLUSTER   TVM      ALLOCATED_CPU      ALLOCATED_MEM STAT",
      "   2 dummyhost2      default     4      31 / 800 (3%)    208M / 16G (1%) on",
    ]);
  });

  it("onevnet list", () => {
    expect(tableOf(VNET, recordedDocument("vnpool-info"))).toEqual([
      "  ID USER            GROUP        NAME                CLUSTERS   BRIDGE   STATE  LEASES OUTD ERRO",
      "   1 alice           oneadmin     public              0          br1      rdy         2    0    0",
      "   0 alice           oneadmin     private             0          br0      rdy        11    0    0",
    ]);
  });

  it("oneuser list, with what each uses", () => {
    expect(tableOf(USER, recordedDocument("userpool-info")).slice(0, 3)).toEqual([
      "  ID NAME            ENAB GROUP      AUTH           VMS            MEMORY         CPU",
      "   3 bob             yes  users      core             -                 -           -",
      "   2 alice           yes  users      core      10 /   -    640M /       -   1.0 /   -",
    ]);
  });

  it("onegroup, onetemplate and onevrouter list", () => {
    expect(tableOf(GROUP, worldPool("groups", "GROUP_POOL"))[1]).toMatch(/^ {3}1 users {15}2 +6 \/ {3}- /);
    expect(tableOf(TEMPLATE, worldPool("templates", "VMTEMPLATE_POOL")).at(-1)).toMatch(
      /^ {3}0 alice {11}users {11}vmtpl {25}11\/20 \d\d:\d\d:\d\d$/,
    );
    expect(tableOf(VROUTER, worldPool("routers", "VROUTER_POOL"))).toEqual([
      "  ID USER            GROUP           NAME",
      "   0 alice           users           vr1",
    ]);
  });

  it("onevm list: a VM that has ended ages no more, and one to be moved has a star", () => {
    const xml = `<VM_POOL>${recordedDocument("vm-info")}</VM_POOL>`
      .replace("<ETIME>0<", "<ETIME>1795170190<")
      .replace("<RESCHED>0<", "<RESCHED>1<");
    expect(tableOf(VM, xml)[1]).toMatch(/ \*standalone {5}runn .* 0d 00h01$/);
  });

  it("are a header alone for an empty pool", () => {
    expect(tableOf(VM, "<VM_POOL></VM_POOL>")).toHaveLength(1);
  });
});

describe("the pages, of what oned answered", () => {
  it("onevm show", () => {
    const page = pageOf(VM, recordedDocument("vm-info-vrouter"));
    const headings = page.split("\n\n").map((block) => block.split("\n")[0]);
    expect(headings).toEqual([
      "VIRTUAL MACHINE 1 INFORMATION",
      "VIRTUAL MACHINE MONITORING",
      "PERMISSIONS",
      "VM DISKS",
      "VM NICS",
      "SECURITY",
      "VIRTUAL MACHINE HISTORY",
      "USER TEMPLATE",
      "VIRTUAL MACHINE TEMPLATE",
    ]);
    expect(page).toContain("\nLCM_STATE           : RUNNING\n");
    expect(page).toContain("\nSTART TIME          : 11/20 10:22:37\nEND TIME            : -\n");
    expect(page).toContain("\nPERMISSIONS\nOWNER               : um-\nGROUP               : ---\n");
    expect(page).toContain("\n                                      10.0.0.11 (VRouter)\n");
    expect(page).toContain(
      "  0 -    -     dummyhost1   none          0  11/20 10:22:47   0d 00h27m   0h00m00s\n",
    );
    expect(page).not.toContain("\nNIC=[");
    expect(pageOf(VM, recordedDocument("vm-info-vrouter"), true)).toContain("\nNIC=[");
  });

  it("onehost show", () => {
    const page = pageOf(HOST, recordedDocument("host-info"));
    expect(page).toMatch(/^HOST 0 INFORMATION\nID {20}: 0\nNAME {18}: dummyhost0\n/);
    expect(page).toContain("\nMEMORY\n  TOTAL               : 16G\n  TOTAL +/- RESERVED  : 16G\n");
  });

  it("onetemplate show: the contents are a template again", () => {
    const xml = recordedDocument("template-info");
    const contents = pageOf(TEMPLATE, xml).split("TEMPLATE CONTENTS\n")[1] ?? "";
    expect(parseTemplate(contents)).toEqual((xmlToTree(xml).node as { TEMPLATE: unknown }).TEMPLATE);
  });

  it("onevnet show: ranges and who holds which address", () => {
    const page = pageOf(VNET, recordedDocument("vn-info"));
    expect(page).toContain("\nSTATE                    : READY\n");
    expect(page).toContain(
      "IP                                  10.0.0.10                         10.0.7.217\n",
    );
    expect(page).toContain("0   R:0        02:00:0a:00:00:0b 10.0.0.11       -\n");
    expect(page).toContain("\nUPDATED                  : 0,1,2,41,43,44,47,54,64\n");
  });

  it("oneuser show: tokens by their beginning", () => {
    const token = (end: number) =>
      `<LOGIN_TOKEN><TOKEN>0123456789abcdef</TOKEN><EXPIRATION_TIME>${end}</EXPIRATION_TIME><EGID>-1</EGID></LOGIN_TOKEN>`;
    const xml = recordedDocument("user-info-self").replace(
      "</ENABLED>",
      `</ENABLED>${token(-1)}${token(RECORDED_NOW - 1)}`,
    );
    const page = pageOf(USER, xml);
    expect(page).toContain(
      "TOKENS\nTOKEN       EGID           EXPIRATION\n0123456...     *                never\n",
    );
    expect(page).toContain("0123456...     *              expired\n");
    expect(page).not.toContain("0123456789abcdef\n");
  });

  it("onevm show tells what is scheduled, how often, and why it was refused", () => {
    const action = (id: number, rest: string) =>
      `<SCHED_ACTION><ID>${id}</ID><ACTION>stop</ACTION>${rest}</SCHED_ACTION>`;
    const actions = [
      action(1, "<TIME>+60</TIME>"),
      action(2, "<TIME>+60</TIME><REPEAT>0</REPEAT><DONE>-1</DONE><MESSAGE>not now</MESSAGE>"),
    ];
    const page = pageOf(
      VM,
      recordedDocument("vm-info").replace("<TEMPLATE>", `<TEMPLATE>${actions.join("")}`),
    );
    expect(page).toMatch(/\n +1 stop .* \+60 - +-/);
    expect(page).toMatch(/\n +2 stop .* \+60 weekly +- not now/);
  });

  it("onevrouter and onegroup show", () => {
    expect(pageOf(VROUTER, recordedDocument("vrouter-info"))).toContain("\nVIRTUAL MACHINES\n1\n2\n");
    const group = worldPool("groups", "X").replace(/^<X>(<GROUP>.*?<\/GROUP>).*$/s, "$1");
    expect(pageOf(GROUP, group)).toContain("\nUSERS\n    ID ADMIN\n     2\n     3\n");
  });

  it("let no value steer the terminal", () => {
    const xml = recordedDocument("template-info").replace("<![CDATA[custom]]>", "<![CDATA[\u009b31m]]>");
    expect(pageOf(TEMPLATE, xml)).toContain('CUSTOM_ATTR="?31m"');
  });
});

describe("states in short", () => {
  it.each([
    [1, 0, "pend"],
    [2, 0, "hold"],
    [3, 3, "runn"],
    [3, 12, "shut"],
    [3, 36, "fail"],
    [3, 43, "migr"],
    [3, 24, "snap"],
    [4, 0, "stop"],
    [6, 0, "done"],
    [8, 0, "poff"],
    [77, 0, "?"],
  ])("VM state %d, LCM state %d is %s", (state, lcm, expected) => {
    expect(shortVmState(state, lcm)).toBe(expected);
  });

  it("every LCM state of an ACTIVE VM has four letters, but for the one it never shows", () => {
    const unnamed = Object.entries(LCM_STATE).filter(([, code]) => shortVmState(3, code).length !== 4);
    expect(unnamed).toEqual([["LCM_INIT", 0]]);
  });

  it("of hosts and networks", () => {
    expect([2, 3, 8].map(shortHostState)).toEqual(["on", "err", "off"]);
    expect([1, 2, 5].map(shortNetworkState)).toEqual(["rdy", "lock", "err"]);
  });
});

describe("XML and template text", () => {
  it.each(["vm-info", "host-info", "userpool-info"])("indented, %s is the same document", (name) => {
    const xml = recordedDocument(name);
    const indented = indentXml(xml);
    expect(xmlToTree(indented)).toEqual(xmlToTree(xml));
    expect(indented.split("\n")[1]).toMatch(/^ {2}</);
    expect(indented.replace(/\n */g, "")).toBe(xml.replace(/\n */g, ""));
  });

  it("keeps text as it is", () => {
    expect(indentXml("<A><B><![CDATA[ <x> ]]></B><C/><D>1</D><E></E></A>")).toBe(
      "<A>\n  <B><![CDATA[ <x> ]]></B>\n  <C/>\n  <D>1</D>\n  <E></E>\n</A>\n",
    );
  });

  it("prints repeated attributes one by one, and leaves out what is shown elsewhere", () => {
    const node = { A: 'say "hi"', NIC: [{ IP: "1" }, { IP: "2", MAC: "" }], HIDDEN: "x", EMPTY: {} };
    expect(templateText(node, ["HIDDEN"])).toBe(
      'A="say \\"hi\\""\nNIC=[\n  IP="1" ]\nNIC=[\n  IP="2",\n  MAC="" ]\nEMPTY=""\n',
    );
  });
});
