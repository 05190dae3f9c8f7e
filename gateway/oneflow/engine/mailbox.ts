/**
 * One service's mailbox. What has come is taken together: the life cycle steps through it, what came of that is written
 * down once, and only then are its effects begun and its commands answered. A service at rest is an id and what its VMs
 * look like; its body is read again from the cloud when something happens.
 */

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../../shared/clock.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Document, JsonObject } from "../../cloud/model.ts";
import type { Effect } from "../lifecycle/effects.ts";
import type { FlowEvent, ServiceCommand, VmSight } from "../lifecycle/events.ts";
import type { Flow, FlowContext } from "../lifecycle/flow.ts";
import { wakeAt } from "../lifecycle/wake.ts";
import { asJson } from "../model.ts";
import { Alarm } from "./alarm.ts";
import { flowOf, holdsTheSame, noDocument, writeFlow } from "./service-document.ts";
import { Sightings } from "./sightings.ts";
import { forCaller, type Mail, play, type Turn } from "./turn.ts";

/** What the mailboxes of a house share. */
export interface MailboxHouse {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
  readonly now: () => number;
  readonly settings: Omit<FlowContext, "now">;
  readonly isClosing: () => boolean;
  /** To be told how it ended through `ended`. */
  begin(mailbox: Mailbox, effect: Effect): void;
  /** The service's document is its own again: somebody else wrote it while it was at rest. */
  takeUpAgain(serviceId: number): void;
  forget(mailbox: Mailbox): void;
  /** One more, or one less, has something under way. */
  busy(change: 1 | -1): void;
}

/** ms before a write that failed is tried again: the first time, and at the most. */
const WRITE_PAUSE_MS = 250;
const MAX_WRITE_PAUSE_MS = 30_000;

export class Mailbox {
  readonly id: number;
  readonly #house: MailboxHouse;
  #mail: Mail[] = [];
  readonly #sightings = new Sightings();
  /** While something is under way; at rest only `#sights` stay. */
  #flow: Flow | undefined;
  #sights: Flow["sights"] = new Map();
  #working = false;
  #underWay = 0;
  #isBusy = false;
  #writing: JsonObject | undefined;
  /** Somebody else wrote over what is under way. */
  #overwritten = false;
  #writePauseMs = WRITE_PAUSE_MS;
  #endPause: (() => void) | undefined;
  #forgotten = false;
  readonly #alarm: Alarm;

  constructor(id: number, house: MailboxHouse) {
    this.id = id;
    this.#house = house;
    this.#alarm = new Alarm(house, () => this.post({ kind: "time" }));
  }

  /** The body as the life cycle has it; undefined at rest. */
  get flow(): Flow | undefined {
    return this.#flow;
  }

  get isAtRest(): boolean {
    return !this.#working && this.#underWay === 0 && this.#flow === undefined;
  }

  /** Every VM that is known of it. */
  vmIds(): Iterable<number> {
    return (this.#flow?.sights ?? this.#sights).keys();
  }

  post(event: FlowEvent): void {
    this.#put({ event });
  }

  /** Resolves once it is durable. @throws what the life cycle refuses it with. */
  async command(command: ServiceCommand): Promise<void> {
    if (this.#forgotten) throw noDocument(this.id);
    if (this.#house.isClosing()) throw closing();
    await new Promise<void>((resolve, reject) => {
      this.#put({ event: { kind: "command", command }, answer: { resolve, reject } });
      this.#endPause?.();
    });
  }

  /** Only the newest sight of a VM counts. */
  see(sight: VmSight): void {
    if (this.#forgotten) return;
    // In the midst of a turn what it was told last is not yet known here.
    const known = this.#working ? undefined : (this.#flow?.sights ?? this.#sights).get(sight.vmId);
    if (this.#sightings.see(sight, known)) this.#start();
  }

  expect(vmId: number): void {
    this.#sightings.expect(vmId);
  }

  /** An effect has come to its end; without an event it was left to the next start. */
  ended(event: FlowEvent | undefined): void {
    this.#underWay -= 1;
    if (event !== undefined) {
      this.#sightings.told(event);
      this.post(event);
    }
    this.#rest();
  }

  /** The document is another than it was, whoever wrote it; undefined: it is gone. */
  documentChanged(document: Document | undefined, previous: Document | undefined): void {
    if (this.#forgotten) return;
    if (document === undefined) {
      this.forget("The document of a service was removed");
      return;
    }
    if (previous !== undefined && holdsTheSame(document, previous)) return;
    if (this.#writing !== undefined && isDeepStrictEqual(document.body, this.#writing)) return;
    const { log } = this.#house;
    if (this.isAtRest) {
      log.info(
        { serviceId: this.id },
        "A service was changed in its document, and is taken up as it is there",
      );
      this.#house.takeUpAgain(this.id);
      return;
    }
    log.warn(
      { serviceId: this.id },
      "A service was changed in its document while it had work under way; that is written over",
    );
    this.#overwritten = true;
    this.#start();
  }

  forget(reason: string): void {
    if (this.#forgotten) return;
    this.#forgotten = true;
    this.#house.log.info({ serviceId: this.id }, reason);
    this.#alarm.set(undefined);
    this.#endPause?.();
    for (const { answer } of this.#mail.splice(0)) answer?.reject(noDocument(this.id));
    this.#house.forget(this);
  }

  /** The house closes: no turn begins any more. */
  close(): void {
    this.#alarm.set(undefined);
    this.#endPause?.();
    for (const { answer } of this.#mail.splice(0)) answer?.reject(closing());
  }

  #put(mail: Mail): void {
    if (this.#forgotten || this.#house.isClosing()) return;
    this.#mail.push(mail);
    this.#start();
  }

  #start(): void {
    if (this.#working || this.#house.isClosing()) return;
    this.#working = true;
    this.#tellBusy();
    // What comes in this turn of the event loop comes into one write.
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    while (this.#hasMail() && !this.#forgotten && !this.#house.isClosing()) {
      const isDone = await this.#turn();
      if (isDone) this.#writePauseMs = WRITE_PAUSE_MS;
      else await this.#pause();
    }
    this.#working = false;
    this.#rest();
  }

  #hasMail(): boolean {
    return this.#mail.length > 0 || this.#overwritten || this.#sightings.hasNews();
  }

  /** Whether it was done; if not, its events wait again. */
  async #turn(): Promise<boolean> {
    const mail = this.#mail.splice(0);
    // After the mail, which may tell of a VM's making what is older.
    const sights = this.#sightings.take();
    const events: readonly Mail[] =
      sights.length === 0 ? mail : [...mail, { event: { kind: "vms_seen", sights } }];
    try {
      const before = this.#flow ?? (await this.#load());
      const { log, now, settings } = this.#house;
      const turn = play(before, events, () => ({ ...settings, now: now() }), log);
      if (turn.changed || this.#overwritten) await this.#write(turn.flow);
      this.#overwritten = false;
      this.#flow = turn.flow;
      for (const { answer } of turn.taken) answer?.resolve();
      this.#begin(turn);
      return true;
    } catch (error) {
      return this.#failed(error, events);
    }
  }

  async #load(): Promise<Flow> {
    const { documents } = this.#house.cloud;
    const document = documents.peek(SYSTEM, this.id) ?? (await documents.get(SYSTEM, this.id));
    return { ...flowOf(document), sights: this.#sights };
  }

  async #write(flow: Flow): Promise<void> {
    const body = asJson(flow.body);
    this.#writing = body;
    try {
      await writeFlow(this.#house.cloud, flow, body);
    } finally {
      this.#writing = undefined;
    }
  }

  #begin({ flow, effects, changed }: Turn): void {
    this.#alarm.set(wakeAt(flow.progress), changed);
    if (this.#house.isClosing() || this.#forgotten) return;
    for (const effect of effects) {
      // Also a note: its end is told at once.
      this.#underWay += 1;
      this.#house.begin(this, effect);
    }
  }

  /** Whoever commanded is told; the rest waits for better times, unless the document is gone or no service. */
  #failed(error: unknown, events: readonly Mail[]): boolean {
    for (const { answer } of events) answer?.reject(forCaller(error));
    if (this.#forgotten) return true;
    const { log } = this.#house;
    const known = isGatehouseError(error) ? error.code : "internal";
    if (known === "not_found") {
      this.forget("The document of a service is gone");
      return true;
    }
    const details = {
      serviceId: this.id,
      reason: errorText(error),
      err: known === "internal" ? error : undefined,
    };
    if (known === "bad_request" || known === "internal") {
      log.error(details, "The document of a service cannot be used, and the service is left alone");
      this.#overwritten = false;
      return true;
    }
    log.error(details, "A service could not be written down, and waits");
    this.#mail.unshift(...events.filter(({ answer }) => answer === undefined));
    return false;
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#house.clock.after(this.#writePauseMs, resolve);
    this.#writePauseMs = Math.min(this.#writePauseMs * 2, MAX_WRITE_PAUSE_MS);
    this.#endPause = resolve;
    await promise;
    this.#endPause = undefined;
    cancel();
  }

  #tellBusy(): void {
    const isBusy = this.#working || this.#underWay > 0;
    if (isBusy !== this.#isBusy) this.#house.busy(isBusy ? 1 : -1);
    this.#isBusy = isBusy;
  }

  #rest(): void {
    this.#tellBusy();
    if (this.#working || this.#underWay > 0 || this.#flow === undefined) return;
    if (this.#flow.asked.size > 0 && !this.#house.isClosing()) return;
    this.#sights = this.#flow.sights;
    this.#flow = undefined;
  }
}

function closing(): GatehouseError {
  return new GatehouseError("unavailable", "The house is closing.");
}
