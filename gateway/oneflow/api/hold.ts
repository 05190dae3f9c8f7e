/** `?wait` on a GET: its answer is held until it is another than the client has, and no longer than it says. */

import type { Actor } from "../../cloud/actor.ts";
import { etagOf, matchesAny } from "../../http/etag.ts";
import type { Answer } from "./answer.ts";
import type { FlowRequest } from "./request.ts";
import type { FlowWaiters, Watched } from "./waiters.ts";

/** nginx's status of a client that closed its connection: sent to nobody. */
const GONE: Answer = { status: 499, body: null };

export interface Held {
  readonly request: FlowRequest;
  readonly uid: number;
  readonly waitMs: number;
  readonly watched: Watched;
  /** Who asks is proved anew at each look: a user may be gone, or have lost a right. */
  prove(): Promise<Actor>;
  look(actor: Actor): Promise<Answer>;
}

/** @throws GatehouseError what a look throws, and what too many waiters are refused with */
export async function holdAnswer(waiters: FlowWaiters, held: Held): Promise<Answer> {
  const { request, uid, waitMs, watched } = held;
  const isNews = newsFor(request.header("if-none-match"));
  const waiting = waiters.enter({ uid, waitMs, watched, onGone: (listener) => request.onGone(listener) });
  try {
    for (;;) {
      const answer = await held.look(await held.prove());
      if (isNews(answer)) return answer;
      const why = await waiting.next();
      if (why === "gone") return GONE;
      // It may have changed with the deadline.
      if (why === "due") return await held.look(await held.prove());
    }
  } finally {
    waiting.leave();
  }
}

/** Against what the client says it has, or else against what there was when it came. */
function newsFor(ifNoneMatch: string | undefined): (answer: Answer) => boolean {
  let onArrival: string | undefined;
  return ({ etag, body }) => {
    const present = etag ?? etagOf(body ?? "");
    if (ifNoneMatch !== undefined) return !matchesAny(ifNoneMatch, present);
    onArrival ??= present;
    return present !== onArrival;
  };
}
