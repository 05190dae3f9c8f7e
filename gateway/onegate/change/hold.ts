/** `?wait` on a route: who asks is recognised at each look anew, and gets the refusal it would get then. */

import type { Vm } from "../../cloud/model.ts";
import { etagOf, matchesAny } from "../../http/etag.ts";
import type { Answer } from "../answer.ts";
import type { Authenticator, Guest } from "../authenticate.ts";
import type { GateRequest } from "../request.ts";
import type { Subject } from "./subjects.ts";
import type { Waiters } from "./waiters.ts";

/** nginx's status of a client that closed its connection: seen by the observer, sent to nobody. */
const GONE: Answer = { status: 499, body: null, kind: "text" };

export interface HoldParts {
  readonly waiters: Waiters;
  readonly authenticator: Authenticator;
  readonly pathNamesVm: boolean;
  /** What the answer is made of beside the guest's own VM. */
  readonly subjects: ((request: GateRequest, guest: Guest) => readonly Subject[]) | undefined;
  readonly closing: AbortSignal | undefined;
  /** The route's work; throws where the guest may not ask. */
  readonly work: (request: GateRequest, guest: Guest) => Answer | Promise<Answer>;
}

/** What the frame knows of a request that waits. */
export interface Held {
  readonly request: GateRequest;
  guest: Guest | undefined;
  /** ms asleep, so far. */
  waitedMs: number;
}

/** Holds the answers of one route. */
export function createHold(parts: HoldParts): (held: Held, guest: Guest, waitMs: number) => Promise<Answer> {
  const { waiters, authenticator, pathNamesVm, subjects, closing, work } = parts;
  const { recognise, authenticate } = authenticator;
  const shared = new SharedBytes();
  return async function hold(held, { vm: { id: vmId } }, waitMs) {
    const { request } = held;
    /** The snapshot that the subjects were taken from. */
    let watched: Vm | undefined;
    const answer = await waiters.hold({
      vmId,
      waitMs,
      look(watch) {
        const lookAs = (guest: Guest): Answer | Promise<Answer> => {
          held.guest = guest;
          if (guest.vm !== watched) watch([`vm:${vmId}`, ...(subjects?.(request, guest) ?? [])]);
          watched = guest.vm;
          return work(request, guest);
        };
        const known = recognise(request);
        if (known !== undefined) return lookAs(known);
        watched = undefined;
        // What is read while nothing is watched yet may be old by then: it is watched first.
        watch([`vm:${vmId}`]);
        return authenticate(request, pathNamesVm).then(lookAs);
      },
      isNews: newsFor(request.header("if-none-match")),
      onGone: (listener) => request.onGone(listener),
      slept: (ms) => {
        held.waitedMs += ms;
      },
    });
    if (answer === undefined) return GONE;
    const told = shared.of(answer);
    return closing?.aborted ? { ...told, headers: { ...told.headers, Connection: "close" } } : told;
  };
}

/** Below this, head and body in one string are written faster. */
const MIN_SHARED_LENGTH = 2_048;

/** The answer that thousands are told at once, encoded once. */
class SharedBytes {
  readonly #made = new WeakMap<Answer, Answer>();

  of(answer: Answer): Answer {
    if (answer.body === null || answer.body.length < MIN_SHARED_LENGTH) return answer;
    const known = this.#made.get(answer);
    if (known !== undefined) return known;
    const told = { ...answer, bytes: new TextEncoder().encode(answer.body) };
    this.#made.set(answer, told);
    return told;
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
