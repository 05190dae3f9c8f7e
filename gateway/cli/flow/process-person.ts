/** The person at this process's own terminal: asked line by line, or given an editor. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { isatty } from "node:tty";
import { GatehouseError } from "../../../shared/errors.ts";
import type { EditedDraft, Person } from "./person.ts";

const DEFAULT_EDITOR = "vi";

/** Undefined where input or output is no terminal. */
export function processPerson(): Person | undefined {
  return isatty(0) && isatty(1) ? { ask, edit } : undefined;
}

async function ask(question: string, options: { readonly secret?: boolean } = {}): Promise<string> {
  const secret = options.secret === true;
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  const output = secret ? unseen : process.stdout;
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  // Ctrl-C and Ctrl-D close it, and a question that is open then would wait for ever.
  const { promise: closed, reject } = Promise.withResolvers<never>();
  lines.once("close", () => reject(new GatehouseError("bad_request", "Nothing was done.")));
  closed.catch(() => {});
  try {
    if (secret) process.stdout.write(question);
    return await Promise.race([lines.question(secret ? "" : question), closed]);
  } finally {
    lines.close();
    if (secret) process.stdout.write("\n");
  }
}

/** Its own folder, so that nobody else reads it, and editors may leave their files beside it. */
async function edit(draft: string): Promise<EditedDraft> {
  const folder = mkdtempSync(join(tmpdir(), "oneflow-"));
  const file = join(folder, "draft.json");
  writeFileSync(file, draft, { mode: 0o600 });
  const editor = process.env.VISUAL || process.env.EDITOR || DEFAULT_EDITOR;
  // EDITOR may hold options ("code --wait"), so a shell reads it.
  const child = spawn("sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit" });
  const status = await new Promise((resolve) => {
    child.once("error", resolve);
    child.once("exit", resolve);
  });
  if (status === 0)
    return {
      text: readFileSync(file, "utf8"),
      file,
      discard: () => rmSync(folder, { recursive: true, force: true }),
    };
  rmSync(folder, { recursive: true, force: true });
  throw new GatehouseError(
    "bad_request",
    `The editor "${editor}" failed; EDITOR may name another, or give a file to the command.`,
  );
}
