import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { adjustText } from "../../gateway/cli/flow/view/role-columns.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { recordedFlow, runFlow, type ScriptedFlow, startScriptedFlow } from "../support/flow-command.ts";

const ELASTIC = recordedFlow("service-show-elastic-after");

/** Attributes of a service that is not worth a recording. */
function service(id: number, body: object, name = `s${id}`) {
  return {
    ID: String(id),
    NAME: name,
    UNAME: "alice",
    GNAME: "users",
    TYPE: "100",
    TEMPLATE: { BODY: body },
  };
}

const POOL = {
  DOCUMENT_POOL: {
    DOCUMENT: [
      service(12, { state: 2, start_time: 1_795_177_377, roles: [{ name: "a", cardinality: 3 }] }),
      service(11, { state: 5, start_time: 1_795_177_000, roles: [] }, "over"),
      service(3, { state: 14, roles: [] }, "a\u001b[31m name that is quite long"),
    ],
  },
};

let flow: ScriptedFlow;

beforeAll(async () => {
  flow = await startScriptedFlow({
    "GET /service/394": ELASTIC,
    "GET /service/382": recordedFlow("service-show-hold"),
    "GET /service/386": recordedFlow("service-show-vr"),
    "GET /service_template/347": recordedFlow("stpl-create"),
    "GET /service": JSON.stringify(POOL),
    "GET /service_template": '{"DOCUMENT_POOL":{}}',
  });
});

afterAll(() => flow.close());

beforeEach(() => void vi.stubEnv("TZ", "UTC"));
afterEach(() => void vi.unstubAllEnvs());

const run = (line: string, more: Parameters<typeof runFlow>[2] = {}) =>
  runFlow(flow.url, line.split(" "), more);

/** Without the blanks that headers and values are padded with. */
const trimmed = (text: string) => text.replace(/ +$/gm, "");

describe("show", () => {
  it("is the page of a service", async () => {
    const { out } = await run("oneflow show 394");
    expect(trimmed(out)).toBe(`SERVICE 394 INFORMATION
ID                  : 394
NAME                : elastic
USER                : alice
GROUP               : users
STRATEGY            : straight
SERVICE STATE       : RUNNING
START TIME          : 11/20 12:22:57

PERMISSIONS
OWNER               : um-
GROUP               : ---
OTHER               : ---

ROLE worker
ROLE STATE          : RUNNING
VM TEMPLATE         : 0
CARDINALITY         : 5
MIN VMS             : 1
MAX VMS             : 6

ROLE ELASTICITY
ADJUST       EXPRESSION                                       EVALS PERIOD  COOL
+ 2          SCALEME[20.0] > 10                                 0/2     3s    5s
- 1          SCALEME[20.0] < 0                                    -      -     -

ROLE ELASTICITY SCHEDULE
ADJUST       TIME
= 5          2026-11-20 12:25:27

NODES INFORMATION
 VM_ID NAME                     USER            GROUP
   342 worker_0_(service_394)   alice           users
   343 worker_1_(service_394)   alice           users
   344 worker_2_(service_394)   alice           users
   345 worker_3_(service_394)   alice           users
   346 worker_4_(service_394)   alice           users

LOG MESSAGES
11/20/26 12:22 [I] New state: DEPLOYING_NETS
11/20/26 12:22 [I] New state: DEPLOYING
11/20/26 12:23 [I] New state: RUNNING
11/20/26 12:26 [I] Role worker scaling up from 1 to 5 nodes
11/20/26 12:26 [I] New state: SCALING
11/20/26 12:26 [I] New state: COOLDOWN
11/20/26 12:26 [I] New state: RUNNING
`);
  });

  it("pads headers to 80 letters and values to 20, as the original does", async () => {
    const [heading, id] = (await run("oneflow show 394")).out.split("\n");
    expect(heading).toBe("SERVICE 394 INFORMATION".padEnd(80));
    expect(id).toBe(`ID                  : ${"394".padEnd(20)}`);
  });

  it("tells of parents, of virtual routers, and of VMs that come and go", async () => {
    expect(trimmed((await run("oneflow show 382")).out)).toContain(
      "ROLE STATE          : PENDING\nPARENTS             : master\n",
    );
    expect(trimmed((await run("oneflow show 386")).out)).toContain("VIRTUAL ROUTER      : 5\n");
    const node = { deploy_id: 4, vm_info: { VM: { ID: "4", NAME: "x" } } };
    const nodes = [{ ...node, scale_up: true }, { ...node, disposed: true }, { deploy_id: 6 }];
    const roles = [{ name: "old", vm_template: 3, nodes }];
    const older = await startScriptedFlow({
      "GET /service/1": JSON.stringify({ DOCUMENT: service(1, { state: 2, roles }) }),
    });
    const { out } = await runFlow(older.url, ["oneflow", "show", "1"]);
    expect(trimmed(out)).toContain("VM TEMPLATE         : 3\n");
    expect(trimmed(out)).toContain("   \u2191 4 x\n   \u2193 4 x\n     6\n");
    await older.close();
  });

  it("is the page of a template, with its contents", async () => {
    const { out } = await run("oneflow-template show 347");
    expect(trimmed(out)).toMatch(/^SERVICE TEMPLATE 347 INFORMATION\nID {18}: 347\nNAME {16}: full\n/);
    expect(trimmed(out)).toContain("REGISTRATION_TIME   : 11/20 12:15:49\n");
    expect(out).toContain("\nTEMPLATE CONTENTS".padEnd(81));
    expect(out).toContain('{\n  "name": "full",\n  "deployment": "straight",\n');
  });

  it("is the document as JSON, YAML or XML", async () => {
    expect(JSON.parse((await run("oneflow show 394 --json")).out)).toEqual(JSON.parse(ELASTIC));
    expect(parse((await run("oneflow show 394 -y")).out)).toEqual(JSON.parse(ELASTIC));
    const { name, node } = xmlToTree((await run("oneflow show 394 -x")).out);
    expect(name).toBe("DOCUMENT");
    const { BODY } = JSON.parse(ELASTIC).DOCUMENT.TEMPLATE;
    expect(node).toMatchObject({ ID: "394", PERMISSIONS: { OWNER_U: "1" } });
    expect(JSON.parse(Object(node).TEMPLATE.BODY)).toEqual(BODY);
  });

  it.each([
    [{ type: "CHANGE", adjust: 2 }, "+ 2"],
    [{ type: "PERCENTAGE_CHANGE", adjust: -10, min_adjust_step: 2 }, "- 10 % (2)"],
    [{ type: "PERCENTAGE_CHANGE", adjust: 10, min_adjust_step: undefined }, "+ 10 %"],
    [{ type: "CARDINALITY", adjust: 6 }, "= 6"],
  ])("writes an adjustment %j as %s", (policy, text) => {
    const rest = { expression: "", min_adjust_step: undefined };
    expect(adjustText({ ...rest, ...policy })).toBe(text);
  });
});

describe("list", () => {
  it("has a line a service, without those that are done, and nothing steers the terminal", async () => {
    expect((await run("oneflow list")).out).toBe(
      [
        "  ID USER            GROUP           NAME                      STARTTIME      STAT",
        "  12 alice           users           s12                       11/20 12:22:57 RUNNING",
        "   3 alice           users           a?[31m name that is quite -              FAILED_UNDEPLOYING_NETS",
        "",
      ].join("\n"),
    );
    expect((await run("oneflow list --done -l ID,STAT --no-header")).out).toBe(
      "  12 RUNNING\n  11 DONE\n   3 FAILED_UNDEPLOYING_NETS\n",
    );
  });

  it("shows the rows and columns asked for", async () => {
    expect((await run("oneflow list -l id,vms,strategy -f ID>5 --csv")).out).toBe(
      "ID,VMS,STRATEGY\n12,0/3,none\n",
    );
    expect((await run("oneflow list --sort ID -l ID --no-header --done")).out).toBe("   3\n  11\n  12\n");
    expect((await run("oneflow list -l STATE")).err).toContain(
      "Column STATE is not defined; columns are ID,",
    );
  });

  it("is the bare array as JSON and YAML, and nothing when it is empty", async () => {
    const [first, , last] = POOL.DOCUMENT_POOL.DOCUMENT;
    expect(JSON.parse((await run("oneflow list --json")).out)).toEqual([first, last]);
    expect(parse((await run("oneflow list --yaml --done")).out)).toHaveLength(3);
    expect((await run("oneflow-template list --json")).out).toBe("");
    expect((await run("oneflow-template list")).out).toBe(
      "  ID USER            GROUP           NAME                      REGTIME\n",
    );
  });

  it("fits a terminal, and colours states there unless NO_COLOR is set", async () => {
    const { out } = await run("oneflow list -l ID,NAME,STAT", { columns: 40 });
    expect(out).toContain("\u001b[32mRUNNING                \u001b[0m\n");
    expect(out).toContain("\u001b[31mFAILED_UNDEPLOYING_NETS\u001b[0m\n");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is taken out.
    const plain = out.replace(/\u001b\[\d+m/g, "");
    expect(Math.max(...plain.split("\n").map((line) => line.length))).toBe(40);
    const env = { ONEFLOW_URL: flow.url, ONEFLOW_USER: "a", ONEFLOW_PASSWORD: "b" };
    const uncoloured = await run("oneflow list", { columns: 80, env: { ...env, NO_COLOR: "1" } });
    expect(uncoloured.out).not.toContain("\u001b");
  });

  it("is printed once by top where there is no terminal", async () => {
    expect((await run("oneflow top -l ID --no-header")).out).toBe("  12\n   3\n");
    expect((await run("oneflow top -d 0")).err).toContain('--delay is "0"; it is a number of seconds');
  });
});
