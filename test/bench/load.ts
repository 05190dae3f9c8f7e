/** Load on a URL from a process of its own: wrk where it is installed, autocannon otherwise. */

import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

export interface LoadRequest {
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** %d becomes a number that changes from one request to the next. */
  readonly body?: string;
}

export interface Load {
  readonly url: string;
  /** Sent in turn, on all connections. */
  readonly requests: readonly LoadRequest[];
  readonly seconds: number;
  readonly scratch: string;
}

const CONNECTIONS = 32;
/** A body with %d comes in so many variants, so that each write of a VM changes something. */
const BODY_VARIANTS = 64;

const hasWrk = spawnSync("wrk", ["--version"]).error === undefined;

/** Which program makes the load, for the record. */
export const loadProgram = hasWrk ? "wrk" : "autocannon";

/** Requests per second. @throws Error when any answer was not 2xx: such a figure would mean nothing. */
export async function measure(load: Load): Promise<number> {
  return hasWrk ? await measureWithWrk(load) : await measureWithAutocannon(load);
}

async function measureWithWrk(load: Load): Promise<number> {
  const script = path.join(load.scratch, "load.lua");
  writeFileSync(script, luaScript(load.requests));
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${load.seconds}s`, "-s", script, load.url];
  const output = await run("wrk", args);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(output)?.[1];
  if (rate === undefined || /Non-2xx|Socket errors/.test(output)) throw new Error(`wrk: ${output}`);
  return Number(rate);
}

function luaScript(requests: readonly LoadRequest[]): string {
  const quote = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  const table = requests.map(({ method, path, headers, body }) => {
    const pairs = Object.entries(headers).map(([name, value]) => `[${quote(name)}]=${quote(value)}`);
    return `{${quote(method)}, ${quote(path)}, {${pairs.join(",")}}, ${body === undefined ? "nil" : quote(body)}}`;
  });
  // Made before the measurement: formatting in Lua would cost the load's own core as much as the requests do.
  return `
    local requests = {${table.join(",\n")}}
    local ready = {}
    local n = 0
    init = function()
      for variant = 1, ${BODY_VARIANTS} do
        for _, r in ipairs(requests) do
          local body = r[4] and r[4]:gsub("%%d", tostring(variant))
          ready[#ready + 1] = wrk.format(r[1], r[2], r[3], body)
        end
      end
    end
    request = function()
      n = n % #ready + 1
      return ready[n]
    end
  `;
}

/** autocannon has no rising numbers, so each request gets its own. */
async function measureWithAutocannon(load: Load): Promise<number> {
  const requests = load.requests.map(({ body, ...rest }, index) => ({
    ...rest,
    ...(body === undefined ? {} : { body: body.replace("%d", String(index)) }),
  }));
  const options = { url: load.url, connections: CONNECTIONS, duration: load.seconds, requests };
  const module = JSON.stringify(createRequire(import.meta.url).resolve("autocannon"));
  const program = `require(${module})(${JSON.stringify(options)}).then((r) => console.log(JSON.stringify(r)))`;
  const result: { "2xx": number; non2xx: number; errors: number; duration: number } = JSON.parse(
    await run(process.execPath, ["-e", program]),
  );
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`autocannon: ${result.non2xx} answers were not 2xx`);
  return result["2xx"] / result.duration;
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}`)),
    );
  });
  return Buffer.concat(chunks).toString("utf8");
}
