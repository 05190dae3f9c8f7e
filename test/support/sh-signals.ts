/** A copy of `onegate.sh` that sends itself a signal at a chosen moment, so that none has to be met by chance. */

import { readFileSync, writeFileSync } from "node:fs";
import { SCRIPT } from "./sh-guest.ts";

/** The status stays what it was: the next statement may ask for it. */
const SIGNALLING = `
at() {
  at_status=$?
  [ "\${AT:-}" != "$1" ] || kill -s "$SIGNAL" $$
  return $at_status
}
`;

/** A process has just been started, noted, or waited for. */
const IS_MOMENT = /(?: &|_pid=\$!)$|^\s*wait /;

/**
 * Writes the copy; the numbers of its moments, to be chosen with the variables AT and SIGNAL. `changes`: of the script's
 * constants.
 */
export function signallingScript(
  file: string,
  changes: Readonly<Record<string, string>> = {},
): readonly string[] {
  const moments: string[] = [];
  const lines = readFileSync(SCRIPT, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, constant = ""] = /^([A-Z_]+)=/.exec(line) ?? [];
      if (changes[constant] !== undefined) return [`${constant}=${changes[constant]}`];
      if (line === "set -u") return [line, SIGNALLING];
      if (!IS_MOMENT.test(line)) return [line];
      moments.push(String(moments.length + 1));
      return [line, `at ${moments.length}`];
    });
  writeFileSync(file, lines.join("\n"));
  return moments;
}
