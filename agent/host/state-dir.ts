/** The agent's state directory, which may stand where others can write too (/var/tmp), and must be its own. */

import { lstatSync, mkdirSync } from "node:fs";
import { GatehouseError } from "../../shared/errors.ts";

/** @throws GatehouseError `forbidden` for a directory that somebody else made, or can write to. */
export function makeStateDir(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(path);
  const isOurs = uid === process.getuid?.() && (mode & 0o022) === 0;
  if (!isOurs)
    throw new GatehouseError(
      "forbidden",
      `The state directory ${path} must be a directory that belongs to the agent's user, and that nobody else may write to.`,
    );
}
