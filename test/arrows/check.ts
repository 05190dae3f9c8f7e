/** `npm run check:arrows`: ends with 1 and a line for each import that the design does not allow. */

import { resolve } from "node:path";
import { faultsIn } from "./rules.ts";

const root = resolve(process.argv[2] ?? resolve(import.meta.dirname, "../.."));
const faults = faultsIn(root);
for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? "arrows: as designed" : `arrows: ${faults.length} not allowed`);
process.exitCode = faults.length === 0 ? 0 : 1;
