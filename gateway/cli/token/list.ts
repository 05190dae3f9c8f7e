/** `gatehouse token list`: what is revoked and in grace, and the keys there are. */

import { Command } from "commander";
import type { TokenStanding } from "../../main/reach-home.ts";
import { type CommonOptions, withCommonOptions } from "../common-options.ts";
import type { CliContext } from "../context.ts";
import { withHome } from "../with-home.ts";

export function listCommand(context: CliContext): Command {
  return withCommonOptions(new Command("list"))
    .description("show what is revoked, which old passwords still count, and the keys; no secrets")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  gatehouse token list\n  gatehouse token list --json | jq .revoked")
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { json?: boolean }>();
      const standing = await withHome(context, options, false, (commands) => commands.tokenStanding());
      context.out(options.json ? `${JSON.stringify(documentOf(standing))}\n` : textOf(standing));
    });
}

function documentOf({ revoked, grace, sessionKeys, identityKeys }: TokenStanding): object {
  return {
    revoked: revoked.map(({ vm, classic, at }) => ({ vm, classic_refused: classic, at: time(at) })),
    grace: grace.map(({ uid, user, until }) => ({ uid, user, until: time(until) })),
    session_keys: sessionKeys.map(({ kid, madeAt }) => ({ kid, made_at: time(madeAt) })),
    identity_keys: identityKeys.map(({ kid, signsFrom, signs }) => ({
      kid,
      signs_from: time(signsFrom),
      signs,
    })),
  };
}

function textOf({ revoked, grace, sessionKeys, identityKeys }: TokenStanding): string {
  const lines = [
    ...revoked.map(
      ({ vm, classic, at }) =>
        `VM ${vm}: session tokens made before ${time(at)} have ended${classic ? "; the token of its context is refused" : ""}`,
    ),
    ...grace.map(
      ({ uid, user, until }) => `user ${user} (${uid}): an old password counts until ${time(until)}`,
    ),
    ...sessionKeys.map(({ kid, madeAt }) => `session key ${kid}: made ${time(madeAt)}`),
    ...identityKeys.map(
      ({ kid, signsFrom, signs }) =>
        `identity key ${kid}: ${signs ? "signs since" : "signs or signed from"} ${time(signsFrom)}`,
    ),
  ];
  return lines.length === 0
    ? "Nothing is revoked or in grace, and no keys were needed yet.\n"
    : `${lines.join("\n")}\n`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
