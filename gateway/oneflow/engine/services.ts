/** Every service of the house: its mailbox, which VMs are its own, and what happens in the cloud, told to whom it concerns. */

import type { Clock } from "../../../shared/clock.ts";
import { errorText, GatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { CloudEvent } from "../../cloud/event.ts";
import { DOCUMENT_TYPE, type Document, type Vm } from "../../cloud/model.ts";
import type { Effect } from "../lifecycle/effects.ts";
import type { VmSight } from "../lifecycle/events.ts";
import type { FlowContext } from "../lifecycle/flow.ts";
import type { OneFlowSettings } from "../settings.ts";
import type { Patience } from "./attempt.ts";
import { perform } from "./effects/perform.ts";
import { removeDocument } from "./effects/remove-document.ts";
import type { Scene, Tools } from "./effects/scene.ts";
import { type Claim, findAll, NOTHING_FOUND, ownerOf, type TakenUp } from "./found.ts";
import { Lanes } from "./lanes.ts";
import type { LogFiles } from "./log-files.ts";
import { Mailbox, type MailboxHouse } from "./mailbox.ts";
import { flowOf, noDocument } from "./service-document.ts";
import { isDone, isStranger, nodeOf, sightOf } from "./sight.ts";

/** Calls to the cloud under way at one time. */
const LANES = { perService: 32, inAll: 256 };
/** ms that one call may take before it is looked for what it did. */
const CALL_TIMEOUT_MS = 60_000;
/** ms that closing waits for calls under way. */
const CLOSING_MS = 10_000;
/** Services are taken up so many at a time, and the rest of the house has its turn. */
const AT_A_TIME = 50;

export interface ServicesOptions {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
  readonly now: () => number;
  readonly settings: OneFlowSettings;
  readonly logFiles: LogFiles;
}

export class Services implements MailboxHouse {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
  readonly now: () => number;
  readonly settings: Omit<FlowContext, "now">;
  readonly #vrNameTemplate: Pick<OneFlowSettings, "vrNameTemplate">;
  readonly #logFiles: LogFiles;
  readonly #mailboxes = new Map<number, Mailbox>();
  /** Whose VM it is; those done are in it no more. */
  readonly #watched = new Map<number, Mailbox>();
  readonly #lanes = new Lanes(LANES);
  readonly #closing = new AbortController();
  readonly #patience: Patience;
  readonly #tools: Tools;
  /** Documents that are to be taken up, together. */
  readonly #soon = new Set<number>();
  #takingUp = 0;
  /** VMs that changed while services are taken up. */
  readonly #newest = new Map<number, Vm>();
  #busy = 0;
  readonly #whenSettled: (() => void)[] = [];
  #unsubscribe: (() => void) | undefined;

  constructor({ cloud, clock, log, now, settings, logFiles }: ServicesOptions) {
    this.cloud = cloud;
    this.clock = clock;
    this.log = log;
    this.now = now;
    this.#vrNameTemplate = settings;
    this.#logFiles = logFiles;
    const { defaultCooldownS, shutdownAction, stepTimeoutS } = settings;
    this.settings = { defaultCooldown: defaultCooldownS, shutdownAction, stepTimeout: stepTimeoutS * 1_000 };
    this.#patience = { clock, timeoutMs: CALL_TIMEOUT_MS, closing: this.#closing.signal };
    this.#tools = {
      cloud,
      log,
      settings,
      patience: this.#patience,
      adopt: (serviceId, vmId) => this.#adopt(serviceId, vmId),
      see: (serviceId, sight) => this.#mailboxes.get(serviceId)?.see(sight),
    };
  }

  /** Takes up every service there is; what happens from now on is heard. */
  async start(): Promise<void> {
    this.#unsubscribe = this.cloud.subscribe(this.#heard);
    const documents = await this.cloud.documents.list(SYSTEM);
    await this.#takeUp(documents.filter(({ type }) => type === DOCUMENT_TYPE.service));
  }

  mailbox(id: number): Mailbox | undefined {
    return this.#mailboxes.get(id);
  }

  /** A service that was made a moment ago, of which nothing can be in the cloud. */
  adoptNew(id: number): void {
    if (this.#mailboxes.has(id) || this.isClosing()) return;
    this.#box(id).post(NOTHING_FOUND);
  }

  /** Its VMs that live, also those that its document does not have yet. */
  adoptedBy(serviceId: number): readonly number[] {
    const mailbox = this.#mailboxes.get(serviceId);
    return [...this.#watched].flatMap(([vmId, other]) => (other === mailbox ? [vmId] : []));
  }

  async settled(): Promise<void> {
    while (this.#busy > 0 || this.#takingUp > 0 || this.#soon.size > 0) {
      await new Promise<void>((resolve) => this.#whenSettled.push(resolve));
    }
  }

  async close(): Promise<void> {
    this.#unsubscribe?.();
    this.#closing.abort();
    this.#soon.clear();
    for (const mailbox of this.#mailboxes.values()) mailbox.close();
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const cancel = this.clock.after(CLOSING_MS, resolve);
    await Promise.race([this.settled(), tooLong]);
    cancel();
    await this.#logFiles.flush();
  }

  // What mailboxes ask for.

  readonly isClosing = (): boolean => this.#closing.signal.aborted;

  begin(mailbox: Mailbox, effect: Effect): void {
    if (effect.kind === "note") {
      this.#note(mailbox.id, effect);
      mailbox.ended(undefined);
      return;
    }
    this.#lanes.add(mailbox.id, async () => {
      if (this.isClosing()) return mailbox.ended(undefined);
      if (effect.kind === "remove_document") return await this.#removeDocument(mailbox);
      const scene = () => this.#scene(mailbox);
      mailbox.ended(await perform(effect, scene, this.#tools, mailbox.id));
    });
  }

  takeUpAgain(id: number): void {
    this.#takeUpSoon(id);
  }

  forget(mailbox: Mailbox): void {
    if (this.#mailboxes.get(mailbox.id) === mailbox) this.#mailboxes.delete(mailbox.id);
    for (const vmId of mailbox.vmIds()) {
      if (this.#watched.get(vmId) === mailbox) this.#watched.delete(vmId);
    }
  }

  busy(change: 1 | -1): void {
    this.#busy += change;
    this.#tellSettled();
  }

  #tellSettled(): void {
    if (this.#busy === 0 && this.#takingUp === 0) for (const tell of this.#whenSettled.splice(0)) tell();
  }

  #box(id: number): Mailbox {
    const known = this.#mailboxes.get(id);
    if (known !== undefined) return known;
    const mailbox = new Mailbox(id, this);
    this.#mailboxes.set(id, mailbox);
    return mailbox;
  }

  #note(serviceId: number, { topic, severity, message }: Extract<Effect, { kind: "note" }>): void {
    this.#logFiles.add(serviceId, { at: this.now(), topic, severity, message });
    const details = { serviceId, topic, message };
    if (severity === "E") this.log.warn(details, "A service reports an error");
    else this.log.debug(details, "A service goes on");
  }

  /** @throws GatehouseError `not_found` when document or owner are gone. */
  async #scene(mailbox: Mailbox): Promise<Scene> {
    const { id, flow } = mailbox;
    if (flow === undefined) throw noDocument(id);
    const document = this.cloud.documents.peek(SYSTEM, id) ?? (await this.cloud.documents.get(SYSTEM, id));
    const owner = await ownerOf(this.cloud, document);
    if (owner === undefined) {
      throw new GatehouseError(
        "not_found",
        `User ${document.uid}, whose service this is, does not exist any more.`,
      );
    }
    return { serviceId: id, document, body: flow.body, owner };
  }

  async #adopt(serviceId: number, vmId: number): ReturnType<Tools["adopt"]> {
    const mailbox = this.#mailboxes.get(serviceId);
    if (mailbox === undefined) throw noDocument(serviceId);
    mailbox.expect(vmId);
    this.#watched.set(vmId, mailbox);
    const vm = this.cloud.vms.peek(SYSTEM, vmId) ?? (await this.cloud.vms.get(SYSTEM, vmId));
    return { node: nodeOf(vm), sight: sightOf(vm) };
  }

  async #removeDocument(mailbox: Mailbox): Promise<void> {
    const event = await removeDocument(mailbox.id, this.#tools);
    const isRemoved = event?.kind === "document_removed";
    // There is nothing left to write it into.
    mailbox.ended(isRemoved ? undefined : event);
    if (isRemoved) mailbox.forget("A service has ended, and its document is removed");
  }

  // What happens in the cloud.

  readonly #heard = (event: CloudEvent): void => {
    if (event.kind === "vm_state" || event.kind === "vm_updated") this.#vmChanged(event.vm);
    if (event.kind === "document_changed") this.#documentChanged(event);
  };

  #vmChanged(vm: Vm): void {
    if (this.#takingUp > 0) this.#newest.set(vm.id, vm);
    const mailbox = this.#watched.get(vm.id);
    if (mailbox === undefined) return;
    mailbox.see(sightOf(vm));
    if (isDone(vm)) this.#watched.delete(vm.id);
  }

  #documentChanged({ id, document, previous }: Extract<CloudEvent, { kind: "document_changed" }>): void {
    if ((document ?? previous)?.type !== DOCUMENT_TYPE.service) return;
    const mailbox = this.#mailboxes.get(id);
    if (mailbox !== undefined) mailbox.documentChanged(document, previous);
    else if (document !== undefined) this.#takeUpSoon(id);
  }

  /** Later in the turn: then what this house made itself is known, and what came together is looked for together. */
  #takeUpSoon(id: number): void {
    if (this.#soon.size === 0) setImmediate(() => void this.#takeUpThose());
    this.#soon.add(id);
  }

  async #takeUpThose(): Promise<void> {
    const ids = [...this.#soon].filter((id) => this.#mailboxes.get(id)?.isAtRest ?? true);
    this.#soon.clear();
    this.#takingUp += 1;
    try {
      const documents = await Promise.all(ids.map((id) => this.#documentOrNone(id)));
      await this.#takeUp(documents.filter((document) => document !== undefined));
    } catch (err) {
      this.log.error({ serviceIds: ids, err }, "Services that were changed could not be taken up");
    } finally {
      this.#takingUp -= 1;
      this.#tellSettled();
    }
  }

  async #documentOrNone(id: number): Promise<Document | undefined> {
    return await this.cloud.documents.get(SYSTEM, id).catch(() => undefined);
  }

  async #takeUp(documents: readonly Document[]): Promise<void> {
    this.#takingUp += 1;
    try {
      const claims = await this.#claims(documents);
      if (claims.length === 0) return;
      const found = await findAll(this.cloud, claims, this.#vrNameTemplate, this.#newest);
      for (const [index, [id, event]] of [...found].entries()) {
        await othersTurn(index);
        this.#claim(id, event);
      }
    } finally {
      this.#takingUp -= 1;
      if (this.#takingUp === 0) this.#newest.clear();
      this.#tellSettled();
    }
  }

  async #claims(documents: readonly Document[]): Promise<readonly Claim[]> {
    const claims: Claim[] = [];
    for (const [index, document] of documents.entries()) {
      await othersTurn(index);
      try {
        claims.push({ document, body: flowOf(document).body });
      } catch (error) {
        const reason = errorText(error);
        this.log.error(
          { serviceId: document.id, reason },
          "The document of a service cannot be read, and is left alone",
        );
      }
    }
    return claims;
  }

  #claim(id: number, event: TakenUp): void {
    // While its VMs were looked for, this house may have found out that it made the service itself.
    const isTaken = this.#mailboxes.get(id)?.isAtRest === false;
    if (this.isClosing() || isTaken) return;
    const mailbox = this.#box(id);
    const newest = event.vms.map((found) => ({ ...found, sight: this.#newestSight(found.sight) }));
    for (const { sight } of newest) {
      if (sight.condition !== "done" && !isStranger(sight)) this.#watched.set(sight.vmId, mailbox);
    }
    mailbox.post({ ...event, vms: newest });
  }

  #newestSight(sight: VmSight): VmSight {
    // One that is done here stays so: it has ended, or is somebody else's.
    const isFinal = isStranger(sight) || sight.condition === "done";
    const vm = isFinal ? undefined : this.#newest.get(sight.vmId);
    return vm === undefined ? sight : sightOf(vm);
  }
}

async function othersTurn(index: number): Promise<void> {
  if (index % AT_A_TIME === AT_A_TIME - 1) await new Promise((resolve) => setImmediate(resolve));
}
