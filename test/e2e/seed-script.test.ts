import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";

/** Seed 003, 5.3.3 and 5.3.4: its curl forms and its sample monitoring script, as they are, inside a process VM. */

const MONITOR = readFileSync(new URL("../fixtures/seed/monitor.sh", import.meta.url), "utf8");

/** The forms of the guide, each with its outcome reported as an attribute of its own. */
const FORMS = `
cd "$CONTEXT_DIR"
. ./context.sh
ask() {
  curl -sS -o "$TMPDIR/answer" -w '%{http_code}' "$@" --header "X-ONEGATE-TOKEN: \`cat token.txt\`" --header "X-ONEGATE-VMID: $VMID"
}
self=$(ask -X "GET" "\${ONEGATE_ENDPOINT}/vm")
root=$(ask -X "GET" "\${ONEGATE_ENDPOINT}")
add=$(ask -X "PUT" "\${ONEGATE_ENDPOINT}/vm" -d "APP_LOAD = 9.7")
gone=$(ask -X "PUT" "\${ONEGATE_ENDPOINT}/vm" -d "GOES = away")
erase=$(ask -X "PUT" "\${ONEGATE_ENDPOINT}/vm?type=2" -d "GOES")
rename=$(ask -X "POST" "\${ONEGATE_ENDPOINT}/vms/$VMID/action" -d '{"action" : {"perform": "rename", "params": "renamed"}}')
ask -X "PUT" "\${ONEGATE_ENDPOINT}/vm" -d "FORMS = $self $root $add $gone $erase $rename"
`;

const START_SCRIPT = `#!/bin/bash
export ONEGATE_TOKEN="$CONTEXT_DIR/token.txt"
bash -s <<'SCRIPT_OF_THE_SEED'
${MONITOR}
SCRIPT_OF_THE_SEED
${FORMS}`;

const hasTools = ["bash", "curl"].every((tool) => spawnSync(tool, ["--version"]).error === undefined);
const scratch = scratchDirectory("seed");
let house: HouseProcess | undefined;

afterAll(async () => {
  if (house !== undefined) await stopHouse(house);
  scratch.remove();
});

function world(): object {
  const context = {
    TOKEN: "YES",
    VMID: "0",
    ONEGATE_ENDPOINT: "http://127.0.0.1:5030",
    START_SCRIPT_BASE64: Buffer.from(START_SCRIPT).toString("base64"),
  };
  const template = { CREATED_BY: "0", VMID: "0", CONTEXT: context };
  const vm = {
    ID: "0",
    UID: "0",
    GID: "0",
    UNAME: "oneadmin",
    GNAME: "oneadmin",
    NAME: "seed",
    STATE: "1",
    LCM_STATE: "0",
    STIME: "1795170000",
    TEMPLATE: template,
  };
  return { vms: [{ VM: vm }] };
}

async function userTemplate(home: string): Promise<Readonly<Record<string, string>>> {
  const exported: { vms: { VM: { USER_TEMPLATE: Record<string, string> } }[] } = JSON.parse(
    await gatehouse(["export", "--home", home]),
  );
  return exported.vms[0]?.VM.USER_TEMPLATE ?? {};
}

// bash and curl are what the guide's own text needs.
describe.skipIf(!hasTools)("the guide's own commands in a guest (bash and curl wanted)", () => {
  it("work as they are", { timeout: 60_000 }, async () => {
    chmodSync(scratch.path, 0o711);
    const home = path.join(scratch.path, "home");
    const file = path.join(scratch.path, "world.json");
    writeFileSync(file, JSON.stringify(world()));
    const runDir = path.join(scratch.path, "guests");
    house = await startHouse(home, ["--world", file], { GATEHOUSE_CLOUD_PROCESS_RUN_DIR: runDir });
    let seen = await userTemplate(home);
    while (seen.FORMS === undefined && seen.ERROR === undefined) seen = await userTemplate(home);
    expect(seen).toMatchObject({ APP_LOAD: "9.7", FORMS: "200 200 200 200 200 204" });
    expect(seen.MEM_USED_PERC).toMatch(/^\d+\.\d\d$/);
    expect(seen.SWAP_USED_PERC).toMatch(/^\d+(\.\d\d)?$/);
    expect(seen.GOES).toBeUndefined();
  });
});
