/** A driver of a site, as one_im_ssh is one: its arguments say what it answers. It notes each line it hears in a file. */

import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { deflateSync, inflateSync } from "node:zlib";

const [behaviour, noteFile, stateDir] = process.argv.slice(2);
const pack = (text) => deflateSync(text).toString("base64");
const say = (line) => process.stdout.write(`${line}\n`);

const part = (name, text) => `<${name}>${Buffer.from(text).toString("base64")}</${name}>`;
const FIRST = [
  "<MONITOR_MESSAGES>",
  part("STATE_VM", "SYNC_STATE=yes\nMISSING_STATE=POWEROFF\n"),
  part("SYSTEM_HOST", "TOTALCPU=1600\nTOTALMEMORY=1024\n"),
  part("MONITOR_HOST", "FREECPU=1500\n"),
  "<MONITOR_VM>!</MONITOR_VM><TIMESTAMP>1700000000</TIMESTAMP></MONITOR_MESSAGES>",
].join("");

/** Runs our own agent as OpenNebula's scripts on a host would, told by ssh where the front-end is. */
function runAgent(action, hostId, packed) {
  const xml = inflateSync(Buffer.from(packed, "base64")).toString("utf8");
  const [, inside] = /<MONITOR_CONFIGURATION>(.*)<\/MONITOR_CONFIGURATION>/s.exec(xml) ?? [];
  const agent = fileURLToPath(new URL("../../gateway/cli/bin/gatehouse-agent.js", import.meta.url));
  const words = action === "START_MONITOR" ? ["dummy", hostId, "node"] : ["stop", "dummy", hostId, "node"];
  const { status, stdout } = spawnSync(process.execPath, [agent, ...words, "--state-dir", stateDir], {
    input: `<MONITOR_CONFIGURATION><HOST_ID>${hostId}</HOST_ID>${inside}</MONITOR_CONFIGURATION>`,
    env: { ...process.env, SSH_CLIENT: "127.0.0.1 1 22" },
  });
  appendFileSync(noteFile, `${stdout}\n`);
  say(`${action} ${status === 0 ? "SUCCESS" : "FAILURE"} ${hostId} 1700000000 ${pack(stdout)}`);
}

createInterface({ input: process.stdin }).on("line", (line) => {
  appendFileSync(noteFile, `${line}\n`);
  const [action, , hostId, , packed] = line.split(" ");
  if (action === "INIT") return say(behaviour === "broken" ? "INIT FAILURE" : "INIT SUCCESS");
  if (action === "FINALIZE") return process.exit(0);
  if (behaviour === "agent") return runAgent(action, hostId, packed);
  if (behaviour === "dies") return process.exit(3);
  if (behaviour === "refuses")
    return say(`${action} FAILURE ${hostId} 1700000000 ${pack("Could not update remotes")}`);
  if (behaviour === "babbles") return say("what is this");
  // As if all its threads were busy with others.
  if (behaviour === "leaves-9" && hostId === "9") return undefined;
  say(`LOG I ${hostId} 1700000000 ${pack("on my way")}`);
  say(
    `${action} SUCCESS ${hostId} 1700000000 ${action === "START_MONITOR" && behaviour !== "mute" ? pack(FIRST) : pack("")}`,
  );
  if (behaviour === "mute") say(`LOG I ${hostId} 1700000000 ${pack(`answered ${action}`)}`);
});
