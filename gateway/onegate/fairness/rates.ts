/** The limits in force: how often a VM may ask, a VM may write, an address of proved VMs, and an address of strangers. */

import type { Clock } from "../../../shared/clock.ts";
import type { Guest } from "../authenticate.ts";
import type { GateRequest } from "../request.ts";
import type { OneGateSettings } from "../settings.ts";
import { Buckets, type Rate } from "./buckets.ts";
import { GONE_PEER, NO_PEER } from "./client-address.ts";
import { type Limits, RateLimitedError, type RateState, UNLIMITED } from "./limits.ts";
import { countedAs } from "./networks.ts";
import { WrongTokens } from "./wrong-tokens.ts";

/** VMs that are remembered: those of the largest house seen, and a third more. */
const MAX_VMS = 131_072;
/** IPv6 addresses whose /64 is remembered. */
const MAX_REMEMBERED = 4_096;
/** Texts of a policy's headers that are kept, by what is left. */
const KEPT_STATES = 1_024;

/** Counts on `clock.elapsed`; nothing is counted of requests that came through no socket but what a VM itself asks. */
export function createLimits(settings: OneGateSettings["limits"], clock: Clock): Limits {
  if (!settings.enabled) return UNLIMITED;
  const vm = new Policy<number>("vm", settings.vm, MAX_VMS);
  const vmWrite = new Policy<number>("vm_write", settings.vmWrite, MAX_VMS);
  const address = new Policy<string>("address", settings.address);
  const stranger = new Policy<string>("stranger", settings.stranger);
  const wrongTokens = new WrongTokens(clock);
  const keyOf = rememberedKeys();

  /** A request that one of them refuses draws on none: a VM that asks too often leaves its neighbours their share. */
  function admitGuest(request: GateRequest, { vm: { id } }: Guest): RateState {
    const now = clock.elapsed();
    const writes = request.method !== "GET" && request.method !== "HEAD";
    const ofVm = vm.admitted(id, now, `VM ${id}`);
    const ofWrites = writes ? vmWrite.admitted(id, now, `VM ${id}`) : undefined;
    const from = request.address;
    const key = from === NO_PEER ? undefined : keyOf(from);
    const ofAddress = key === undefined ? undefined : address.admitted(key, now, from);
    let state = vm.take(id, ofVm, now);
    if (ofWrites !== undefined) state = nearer(state, vmWrite.take(id, ofWrites, now));
    if (key !== undefined && ofAddress !== undefined)
      state = nearer(state, address.take(key, ofAddress, now));
    return state;
  }

  function admitStranger({ address: from }: GateRequest): RateState | undefined {
    if (from === NO_PEER) return undefined;
    const now = clock.elapsed();
    const key = keyOf(from);
    return stranger.take(key, stranger.admitted(key, now, from), now);
  }

  function wrongToken({ address: from }: GateRequest): Promise<void> | undefined {
    return from === NO_PEER ? undefined : wrongTokens.delay(keyOf(from));
  }

  return { admitGuest, admitStranger, wrongToken };
}

interface CountedState extends RateState {
  readonly left: number;
}

function nearer(one: CountedState, other: CountedState): CountedState {
  return other.left < one.left ? other : one;
}

/** What each limit is about, to follow "… sends more". */
const SUBJECT = {
  vm: "requests",
  vm_write: "writes",
  address: "requests of its VMs",
  stranger: "requests without a right token",
} as const;

/** One limit: its buckets, its sentence and its headers. */
class Policy<Key extends string | number> {
  readonly #name: keyof typeof SUBJECT;
  readonly #rate: Rate;
  readonly #buckets: Buckets<Key>;
  /** `RateLimit-Policy`: so many in so many seconds (draft-ietf-httpapi-ratelimit-headers). */
  readonly #policy: string;
  readonly #states: (CountedState | undefined)[] = [];

  constructor(name: keyof typeof SUBJECT, rate: Rate, maxKeys?: number) {
    this.#name = name;
    this.#rate = rate;
    this.#buckets = new Buckets(rate, maxKeys);
    this.#policy = `"${name}";q=${rate.burst};w=${windowS(rate)}`;
  }

  /** What `take` is to set down. @throws RateLimitedError */
  admitted(key: Key, now: number, who: string): number {
    const fullAt = this.#buckets.afterOne(key, now);
    const waitMs = this.#buckets.waitMs(fullAt, now);
    if (waitMs > 0) throw this.#refusal(who, Math.max(1, Math.ceil(waitMs / 1_000)));
    return fullAt;
  }

  take(key: Key, fullAt: number, now: number): CountedState {
    this.#buckets.take(key, fullAt, now);
    return this.#state(this.#buckets.left(fullAt, now));
  }

  #refusal(who: string, retryAfterS: number): RateLimitedError {
    const { perSecond, burst } = this.#rate;
    const allowed = `${perSecond} a second for long and ${burst} at once are taken`;
    const sentence = `${who} sends more ${SUBJECT[this.#name]} than it may: ${allowed}; ask again in ${retryAfterS} s.`;
    return new RateLimitedError(sentence, retryAfterS, this.#state(0), this.#name);
  }

  /** The texts are made once for each number: they would cost more than all the counting. */
  #state(left: number): CountedState {
    const slot = left % KEPT_STATES;
    const kept = this.#states[slot];
    if (kept?.left === left) return kept;
    const fullInS = Math.ceil((this.#rate.burst - left) / this.#rate.perSecond);
    const state = { left, limit: `"${this.#name}";r=${left};t=${fullInS}`, policy: this.#policy };
    this.#states[slot] = state;
    return state;
  }
}

/** Whole seconds in which a bucket fills. */
export function windowS({ perSecond, burst }: Rate): number {
  return Math.max(1, Math.ceil(burst / perSecond));
}

/** Of sockets that were gone, all together. */
function rememberedKeys(): (address: string) => string {
  const known = new Map<string, string>();
  return (address) => {
    if (address === GONE_PEER || !address.includes(":")) return address;
    const before = known.get(address);
    if (before !== undefined) return before;
    const key = countedAs(address);
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(address, key);
    return key;
  };
}
