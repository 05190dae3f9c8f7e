/** Who asks: the session string of an XML-RPC call, or what HTTP Basic carries (spec core-xmlrpc.md 4 and 5). */

import type { X509Certificate } from "node:crypto";
import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { tokensEqual } from "../../../shared/tokens/classic.ts";
import type { Actor } from "../actor.ts";
import type { Cloud } from "../cloud.ts";
import type { User } from "../model.ts";
import { readCipherSession } from "./cipher.ts";
import type { ServerTarget } from "./session-text.ts";
import { Slowdown } from "./slowdown.ts";
import { readX509Session } from "./x509.ts";

const MAX_SESSION_LENGTH = 4_096;
/** What keeps the password of a server, which proves nobody by itself. */
const SERVER_DRIVERS: readonly string[] = ["server_cipher", "server_x509"];

export interface Sessions {
  /**
   * The actor that a session proves; undefined, after a delay, for whatever is wrong with it. `otherwise` is another
   * way to write the same one: looked at when the first proves nobody, and no second attempt.
   */
  authenticate(session: string, address: string, otherwise?: string): Promise<Actor | undefined>;
}

/**
 * Sessions of a cloud's users: `user:password`, `user:token`, and those of servers. `certificate` is that of servers of
 * driver server_x509; without one they prove nobody.
 */
export function createSessions(
  { users }: Pick<Cloud, "users">,
  clock: Clock,
  certificate?: X509Certificate | undefined,
): Sessions {
  const slowdown = new Slowdown(clock);

  async function prove(name: string, secret: string): Promise<Actor | undefined> {
    const user = await users.named(name);
    if (user?.enabled && SERVER_DRIVERS.includes(user.authDriver)) return await proveServer(user, secret);
    const byToken = user?.enabled ? proveToken(user, secret, epochSeconds(clock)) : undefined;
    // Also for a name that nobody has: it must take as long.
    return byToken ?? (await users.authenticate(name, secret));
  }

  async function proveServer(server: User, secret: string): Promise<Actor | undefined> {
    const target = targetOf(server, secret);
    const user = target === undefined ? undefined : await users.named(target.name);
    return user?.enabled ? actorOf(user, target?.gid) : undefined;
  }

  function targetOf(server: User, secret: string): ServerTarget | undefined {
    const now = epochSeconds(clock);
    if (server.authDriver === "server_cipher") return readCipherSession(secret, server, now);
    return certificate && readX509Session(secret, server, certificate, now);
  }

  async function proveSession(session: string): Promise<Actor | undefined> {
    const at = session.indexOf(":");
    const usable = at > 0 && session.length <= MAX_SESSION_LENGTH;
    return usable ? await prove(session.slice(0, at), session.slice(at + 1)) : undefined;
  }

  return {
    async authenticate(session, address, otherwise) {
      const name = session.slice(0, Math.max(session.indexOf(":"), 0));
      return await slowdown.attempt(address, name, async () => {
        const proved = await proveSession(session);
        return proved === undefined && otherwise !== undefined ? await proveSession(otherwise) : proved;
      });
    },
  };
}

/** Every token is compared, so that how long it takes tells nothing of which was meant. */
function proveToken(user: User, secret: string, now: number): Actor | undefined {
  const valid = (user.loginTokens ?? []).filter(({ expires }) => expires === -1 || expires > now);
  const matching = valid.filter(({ token }) => tokensEqual(token, secret));
  const [token] = matching;
  return token === undefined ? undefined : actorOf(user, token.gid < 0 ? undefined : token.gid);
}

/** With `gid` the session has that group and no other; undefined when the user is not in it. */
function actorOf(user: User, gid: number | undefined): Actor | undefined {
  const { id, name } = user;
  if (gid === undefined) return { uid: id, name, gid: user.gid, gids: user.gids };
  return user.gids.includes(gid) ? { uid: id, name, gid, gids: [gid] } : undefined;
}
