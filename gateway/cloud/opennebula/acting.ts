/** Session strings with which a server of OpenNebula's speaks for its users (spec core-xmlrpc.md 5). */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { type ServerCredentials, sessionWriter, type WriteSession } from "../access/server-session.ts";
import type { Actor } from "../actor.ts";

/** As the original servers have it: a session lives for 30 minutes, and a new one is made 5 minutes before. */
const LIFETIME_S = 1_800;
const MARGIN_S = 300;
const MAX_SESSIONS = 10_000;

/** A colon would make another session of it. */
const NAME = /^[^:\s]{1,256}$/;

interface Session {
  readonly text: string;
  readonly expires: number;
}

export class ActingSessions {
  readonly #clock: Clock;
  readonly #write: WriteSession;
  readonly #sessions = new Map<string, Session>();

  constructor(server: ServerCredentials, clock: Clock) {
    this.#clock = clock;
    this.#write = sessionWriter(server);
  }

  /**
   * A session of one group stays one: who came with a token for one group must not act with all of the user's.
   * @throws GatehouseError `bad_request` for a name that cannot be one.
   */
  for({ uid, name, gids }: Actor): string {
    const [only, second] = gids;
    const narrow = uid !== 0 && only !== undefined && second === undefined;
    return this.#session(narrow ? `${checked(name)}:${only}` : checked(name));
  }

  /** With all groups of the user. @throws GatehouseError `bad_request` */
  named(name: string): string {
    return this.#session(checked(name));
  }

  #session(target: string): string {
    const now = epochSeconds(this.#clock);
    const known = this.#sessions.get(target);
    if (known !== undefined && known.expires - now > MARGIN_S && known.expires - now <= LIFETIME_S)
      return known.text;
    const expires = now + LIFETIME_S;
    const text = this.#write(target, expires);
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.clear();
    this.#sessions.set(target, { text, expires });
    return text;
  }
}

function checked(name: string): string {
  if (NAME.test(name)) return name;
  throw new GatehouseError("bad_request", "The name of a user holds no colon and no blank.");
}
