/** A driver of a site, as one_im_ssh is one: its arguments say what it answers. It notes each line it hears in a file. */

import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { deflateSync } from "node:zlib";

const [behaviour, noteFile] = process.argv.slice(2);
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

createInterface({ input: process.stdin }).on("line", (line) => {
  appendFileSync(noteFile, `${line}\n`);
  const [action, , hostId] = line.split(" ");
  if (action === "INIT") return say(behaviour === "broken" ? "INIT FAILURE" : "INIT SUCCESS");
  if (action === "FINALIZE") return process.exit(0);
  if (behaviour === "dies") return process.exit(3);
  if (behaviour === "refuses")
    return say(`${action} FAILURE ${hostId} 1700000000 ${pack("Could not update remotes")}`);
  if (behaviour === "babbles") return say("what is this");
  say(`LOG I ${hostId} 1700000000 ${pack("on my way")}`);
  say(
    `${action} SUCCESS ${hostId} 1700000000 ${action === "START_MONITOR" && behaviour !== "mute" ? pack(FIRST) : pack("")}`,
  );
  if (behaviour === "mute") appendFileSync(noteFile, `answered ${action} ${hostId}\n`);
});
