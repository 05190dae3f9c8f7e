/** Login tokens: passwords for a while, made with `oneuser token-create` (or `login`). */

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { epochSeconds } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { nodesAt } from "../../../../shared/xml/node.ts";
import { xmlToTree } from "../../../../shared/xml/parse.ts";
import { personalAuthFile, sessionFor } from "../access.ts";
import { resolveId } from "../ids.ts";
import { GROUP } from "../kind.ts";
import { cellsOf, renderTable } from "../table.ts";
import { TOKEN_COLUMNS } from "../view/user.ts";
import { type CommonOptions, type Desk, subCommand, withClient } from "./desk.ts";
import { printForm } from "./show.ts";

/** 10 hours, as OpenNebula's own (spec core-xmlrpc.md 4). */
const DEFAULT_SECONDS = "36000";
const ANY_GROUP = -1;
const MYSELF = -1;
/** one.user.login with this many seconds ends the token. */
const EXPIRE = 0;

interface CreateOptions extends CommonOptions {
  readonly time: string;
  readonly group?: string;
  readonly force?: boolean;
}

export function addTokens(desk: Desk): void {
  for (const name of ["token-create", "login"]) {
    subCommand(desk, `${name} [user]`, "make a token to log in with, for me or another user", [
      name,
      `${name} alice --time 3600`,
      `${name} --time -1 --group web --force`,
    ])
      .option("--time <seconds>", "how long it is valid, -1 for ever", DEFAULT_SECONDS)
      .option("--group <group>", "limit it to this group")
      .option("--force", "write it to the credentials file even if there is one")
      .action((user: string | undefined, options: CreateOptions) => createToken(desk, user, options));
  }
  subCommand(desk, "token-show [user]", "list the tokens of a user", [
    "token-show",
    "token-show alice --json",
  ])
    .option("-j, --json", "print the user as JSON, tokens whole")
    .option("-x, --xml", "print the user as XML, tokens whole")
    .action(async (user: string | undefined, options: CommonOptions & { json?: boolean; xml?: boolean }) => {
      await withClient(desk, options, async (client) => {
        const id = user === undefined ? MYSELF : await resolveId(client, desk.kind, user);
        const xml = await client.text("one.user.info", id, ...desk.kind.infoArguments);
        if (printForm(desk, options, xml)) return;
        const tokens = nodesAt(xmlToTree(xml).node, "LOGIN_TOKEN");
        const now = epochSeconds(desk.context.clock);
        desk.context.out(renderTable(TOKEN_COLUMNS, cellsOf(TOKEN_COLUMNS, tokens, now)));
      });
    });
  subCommand(desk, "token-delete <user> <token>", "end a token", ["token-delete alice 3f6c..."]).action(
    async (user: string, token: string, options: CommonOptions) => {
      await withClient(desk, options, async (client) => {
        await client.call("one.user.login", user, token, EXPIRE, ANY_GROUP);
      });
    },
  );
}

async function createToken(desk: Desk, user: string | undefined, options: CreateOptions): Promise<void> {
  const seconds = secondsOf(options.time);
  const name = user ?? myName(desk, options);
  await withClient(desk, options, async (client) => {
    const group = options.group === undefined ? ANY_GROUP : await resolveId(client, GROUP, options.group);
    const token = await client.text("one.user.login", name, "", seconds, group);
    keepToken(desk, `${name}:${token}`, options.force === true);
    desk.context.out(`Authentication Token is:\n${name}:${token}\n`);
  });
}

/** A session is `user:password`. */
function myName(desk: Desk, options: CommonOptions): string {
  const { text } = sessionFor(desk.context, options);
  return text.slice(0, text.indexOf(":"));
}

function secondsOf(text: string): number {
  if (text === "-1" || /^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new GatehouseError("bad_request", `--time is "${text}"; it is a number of seconds, or -1 for ever.`);
}

/** Writes the credentials file unless there is one; the token is printed in either case. */
function keepToken(desk: Desk, session: string, force: boolean): void {
  const { env, cwd } = desk.context;
  const named = env.ONE_AUTH;
  const file = named === undefined || named === "" ? personalAuthFile(desk.context) : resolve(cwd, named);
  if (file === undefined) return;
  if (existsSync(file) && !force) {
    desk.context.err(`${file} exists and stays as it is; --force overwrites it.\n`);
    return;
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Renamed into place, so that a reader never finds half of it, and a full disk leaves the old one.
  const next = `${file}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, `${session}\n`, { mode: 0o600, flag: "wx" });
  renameSync(next, file);
  desk.context.err(`${file} holds it now.\n`);
}
