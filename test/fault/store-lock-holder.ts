/** Run as a process of its own, to be killed: takes the home argv[2], says so, and holds it until its input ends. */

import { writeSync } from "node:fs";
import { lockHome } from "../../gateway/store/lock.ts";

const lock = lockHome(process.argv[2] ?? "");
writeSync(1, "locked\n");
process.stdin.resume().once("end", () => lock.release());
