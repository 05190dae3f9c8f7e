/** oneflow and oneflow-template as processes of their own, beside a running house. */

import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FLOW_COMMAND_NAMES } from "../../gateway/cli/flow/commands.ts";
import { type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { runProgram } from "../support/run-program.ts";

const BIN = join(import.meta.dirname, "../../gateway/cli/bin");

let home: ReturnType<typeof scratchDirectory>;
let house: HouseProcess;

beforeAll(async () => {
  home = scratchDirectory("flow-commands");
  house = await startHouse(home.path, ["--dummy"]);
});

afterAll(async () => {
  if (house !== undefined) await stopHouse(house);
  home.remove();
});

/** Runs a command to its end; it finds the house by its home. */
async function run(line: string, input = "", file?: string) {
  const [name, ...args] = line.split(" ");
  const cwd = home.path;
  const env = { HOME: cwd, GATEHOUSE_HOME: cwd };
  return await runProgram(file ?? join(BIN, `${name}.js`), args, { cwd, env, input });
}

async function succeed(line: string, input = ""): Promise<string> {
  const result = await run(line, input);
  expect({ line, code: result.code, err: result.err }).toEqual({ line, code: 0, err: "" });
  return result.out;
}

/** Of `ID: 5`. */
async function made(line: string, input = ""): Promise<string> {
  return /^ID: (\d+)\n$/.exec(await succeed(line, input))?.[1] ?? "";
}

/** Each command is a process of its own, and there are many. */
const TEST_MS = 120_000;

describe("the commands of OneFlow", { timeout: TEST_MS }, () => {
  it("are in package.json, and know their names, behind a link too", async () => {
    const { bin } = JSON.parse(readFileSync(join(BIN, "../../../package.json"), "utf8"));
    for (const name of FLOW_COMMAND_NAMES) {
      expect(bin[name]).toBe(`gateway/cli/bin/${name}.js`);
      const link = join(home.path, `${name}-link`);
      symlinkSync(join(BIN, `${name}.js`), link);
      const { code, out } = await run(`${name} --help`, "", link);
      expect({ code, first: out.split("\n")[0] }).toEqual({
        code: 0,
        first: `Usage: ${name} [options] [command]`,
      });
    }
  });

  it("a service is made, watched, scaled, given away, and ended", async () => {
    const vmTemplate = Number(await made("onetemplate create --name vm --cpu 1 --memory 64"));
    const role = { type: "vm", template_id: vmTemplate, cardinality: 1, cooldown: 1 };
    const roles = [
      { name: "front", ...role },
      { name: "worker", ...role, parents: ["front"], min_vms: 1, max_vms: 3 },
    ];
    const template = { name: "web", deployment: "straight", roles };
    await made("oneflow-template create", `${JSON.stringify(template)} // as in the guide\n`);
    const service = await made("oneflow-template instantiate web --name shop");
    expect(await succeed(`oneflow show ${service} --watch`)).toContain(`SERVICE ${service} shop: RUNNING\n`);

    await succeed("oneflow scale shop worker 3");
    expect(await succeed("oneflow show shop --watch")).toMatch(/worker +RUNNING +\[#{20}\] 3\/3\n$/);
    const refused = await run("oneflow scale shop worker 4");
    expect(refused).toEqual({
      code: 400 % 256,
      out: "",
      err: `Can't scale service ${service}: Maximum cardinality is 3\n`,
    });

    writeFileSync(join(home.path, "part.json"), '{"description": "a shop"}');
    await succeed("oneflow update shop part.json");
    expect(JSON.parse(await succeed("oneflow show shop -j")).DOCUMENT.TEMPLATE.BODY.description).toBe(
      "a shop",
    );
    await succeed("oneflow chgrp shop users");
    expect(await succeed("oneflow list --csv -l NAME,GROUP,STAT,VMS")).toBe(
      "NAME,GROUP,STAT,VMS\nshop,users,RUNNING,4/4\n",
    );

    await succeed("oneflow delete shop");
    const ended = await run(`oneflow show ${service} --watch`);
    expect([0, 148]).toContain(ended.code);
    expect(await run(`oneflow show ${service}`)).toEqual({
      code: 148,
      out: "",
      err: `[one.document.info] Error getting document [${service}].\n`,
    });
    await succeed("oneflow-template delete web --delete-vm-templates");
    expect(await succeed("onetemplate list --no-header -f NAME=vm")).toBe("");
  });

  it("credentials that are wrong end with 145", async () => {
    const { code, err } = await run("oneflow list -u oneadmin -p wrong");
    expect(code).toBe(145);
    expect(err).toBe("Invalid credentials\nThe user and password are those of --username and --password.\n");
  });
});
