/**
 * The auto-scaler: the shell around the pure decision. It hears what guests report and hosts measure, looks at a role
 * once a turn of the event loop however much was heard, once an interval, and when a period or a schedule is over; what
 * a look asks for goes to the life cycle. One timer serves all roles.
 */

import type { Clock } from "../../../shared/clock.ts";
import { isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { CloudEvent } from "../../cloud/event.ts";
import { DOCUMENT_TYPE, type Document } from "../../cloud/model.ts";
import { createPolicyTexts } from "../elasticity/texts.ts";
import { Alarm } from "../engine/alarm.ts";
import { houseTime } from "../engine/house-time.ts";
import type { OneFlow } from "../engine/oneflow.ts";
import type { OneFlowSettings } from "../settings.ts";
import { carryOut } from "./carry-out.ts";
import { type AutoscalerCounts, CountedLooks } from "./counts.ts";
import { explainService } from "./explain.ts";
import { Failures } from "./failures.ts";
import { presentDocument } from "./present.ts";
import { Remarks } from "./remarks.ts";
import type { Spoken } from "./role-samples.ts";
import type { ScalingSight } from "./sight.ts";
import { Turns } from "./turns.ts";
import { type Entry, WatchList } from "./watch-list.ts";
import type { LookSettings, Moment, WatchedRole } from "./watched-role.ts";
import { type Looked, type ServiceCloud, WatchedService } from "./watched-service.ts";

export interface AutoscalerOptions {
  readonly cloud: ServiceCloud & Pick<Cloud, "documents" | "subscribe">;
  readonly flow: Pick<OneFlow, "command">;
  readonly settings: Pick<OneFlowSettings, "autoscalerIntervalS" | "defaultCooldownS" | "timeZone">;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Autoscaler extends ScalingSight {
  readonly counts: AutoscalerCounts;
  /** How many roles it watches. */
  readonly watched: number;
  /** Resolves when nothing is waiting to be looked at, and nothing asked for is under way. For tests. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** A role whose VMs report all the time is looked at so often, in ms. */
const LEAST_GAP_MS = 500;

/**
 * Resolves once every service there is is known to it; looks begin after that.
 * @throws GatehouseError `unavailable` when the cloud cannot be read; nothing is heard then.
 */
export async function startAutoscaler(options: AutoscalerOptions): Promise<Autoscaler> {
  const autoscaler = new Watch(options);
  try {
    await autoscaler.start();
    return autoscaler;
  } catch (error) {
    await autoscaler.close();
    throw error;
  }
}

class Watch implements Autoscaler {
  readonly counts = new CountedLooks();
  readonly #options: AutoscalerOptions;
  readonly #now: () => number;
  readonly #look: LookSettings;
  readonly #remarks: Remarks;
  readonly #alarm: Alarm;
  readonly #failures: Failures;
  readonly #list = new WatchList();
  /** Documents that were written since their services were last read. */
  readonly #written = new Map<number, Document | undefined>();
  readonly #turns: Turns;
  #keys = 0;
  #unsubscribe: (() => void) | undefined;
  constructor(options: AutoscalerOptions) {
    this.#options = options;
    const { clock, settings, log } = options;
    const { autoscalerIntervalS: pace, defaultCooldownS: defaultCooldown, timeZone } = settings;
    this.#now = houseTime(clock);
    this.#look = { texts: createPolicyTexts(timeZone), defaultCooldown, pace };
    this.#failures = new Failures(log);
    this.#remarks = new Remarks(log, pace * 1000);
    this.#turns = new Turns({
      clock,
      turn: (id) => this.#turn(id),
      failed: (id, error) => {
        this.counts.looked("failed");
        this.#failures.tell(id, error);
      },
      after: () => this.#setAlarm(),
    });
    this.#alarm = new Alarm({ clock, now: this.#now }, () => this.#ring());
  }

  get watched(): number {
    return this.#list.size;
  }

  async start(): Promise<void> {
    const { cloud } = this.#options;
    this.#unsubscribe = cloud.subscribe(this.#heard);
    for (const document of await cloud.documents.list(SYSTEM)) {
      if (document.type !== DOCUMENT_TYPE.service || this.#written.has(document.id)) continue;
      this.#documentChanged(document.id, document);
    }
  }

  present(document: Document): Document {
    const service = this.#list.service(document.id);
    // One that was written a moment ago, and is to be read yet, may hold no service any more.
    if (service === undefined || this.#written.has(document.id)) return document;
    return presentDocument(document, service);
  }

  async explain(document: Document, roleName?: string): ReturnType<ScalingSight["explain"]> {
    const { id } = document;
    if (this.#written.has(id)) this.#read(id);
    const { cloud } = this.#options;
    const service = this.#list.service(id) ?? unwatched(document, cloud, this.#look);
    const dueAt = (role: WatchedRole) => this.#list.entryOf(role)?.dueAt;
    const world = { cloud, settings: this.#look, moment: () => this.#moment(), dueAt };
    return await explainService(document, service, roleName, world);
  }

  async settled(): Promise<void> {
    await this.#turns.settled();
  }

  async close(): Promise<void> {
    this.#unsubscribe?.();
    this.#alarm.set(undefined);
    await this.#turns.close();
  }

  // What is heard.

  readonly #heard = (event: CloudEvent): void => {
    switch (event.kind) {
      case "document_changed":
        if ((event.document ?? event.previous)?.type === DOCUMENT_TYPE.service)
          this.#documentChanged(event.id, event.document);
        return;
      case "vm_state":
        this.#vmHeard(event.vm.id, { guest: false, agent: false });
        return;
      case "vm_updated":
        this.#vmHeard(event.vm.id, {
          guest: event.vm.userTemplate !== event.previous.userTemplate,
          agent: false,
        });
        return;
      case "vms_monitored":
        for (const vmId of event.vmIds) this.#vmHeard(vmId, { guest: false, agent: true });
        return;
      default:
    }
  };

  #documentChanged(id: number, document: Document | undefined): void {
    this.#written.set(id, document);
    this.#turns.stir(id);
  }

  #vmHeard(vmId: number, spoken: Spoken): void {
    for (const entry of this.#list.withVm(vmId)) {
      const { service, role } = entry;
      if (!role.readsVms) continue;
      role.hear(vmId, spoken);
      if (this.#now() >= entry.quietUntil) service.want(role);
      else this.#dueBy(entry, entry.quietUntil);
      this.#turns.stir(service.id);
    }
  }

  // When is looked.

  #ring(): void {
    for (const { service, role } of this.#list.takeDue(this.#now())) {
      service.want(role);
      this.#turns.stir(service.id);
    }
    this.#setAlarm();
  }

  #dueBy({ role, dueAt }: Entry, at: number): void {
    if (dueAt !== undefined && dueAt <= at) return;
    this.#list.setDue(role, at);
    this.#setAlarm();
  }

  #setAlarm(): void {
    if (!this.#turns.isClosed) this.#alarm.set(this.#list.firstDue());
  }

  #moment(): Moment {
    return { now: this.#now(), wall: this.#options.clock.now() };
  }

  #turn(id: number): (() => Promise<void>) | undefined {
    if (this.#written.has(id)) this.#read(id);
    const service = this.#list.service(id);
    if (service === undefined) return undefined;
    const moment = this.#moment();
    if (service.absorb(moment.now)) return () => service.fetch(moment.now);
    const began = this.#options.clock.elapsed();
    const looked = service.look(moment);
    this.counts.lookSeconds += (this.#options.clock.elapsed() - began) / 1000;
    for (const { role, decision } of looked) this.#remarks.on(id, role, decision, moment.now);
    this.#setNext(service, looked, moment);
    const asks = looked.some(({ decision }) => decision.mustKeep || decision.scaling !== undefined);
    for (const one of looked) this.#keep(one);
    return asks ? () => this.#carryOut(service, looked) : undefined;
  }

  #keep({ role, decision }: Looked): void {
    if (decision.scaling !== undefined) {
      this.counts.looked("scales");
      return;
    }
    role.took(decision);
    this.counts.looked(decision.mustKeep ? "noted" : "kept");
  }

  async #carryOut(service: WatchedService, looked: readonly Looked[]): Promise<void> {
    const { flow, log } = this.#options;
    const carried = await carryOut(service.id, looked, flow);
    if (carried.scaled !== undefined) {
      const { scaling, explanation, role } = carried.scaled;
      this.counts.scaled(scaling.cardinality > explanation.cardinality ? "up" : "down");
      const { by, cardinality: to } = scaling;
      log.info(
        { serviceId: service.id, role: role.name, from: explanation.cardinality, to, by },
        "A role scales by itself",
      );
    }
    this.#failures.tell(service.id, carried.failure);
  }

  /** When time alone is a reason to look again; a service that is not RUNNING is heard of when it is again. */
  #setNext(service: WatchedService, looked: readonly Looked[], moment: Moment): void {
    const { now } = moment;
    if (!service.isRunning) {
      for (const role of service.roles) this.#list.setDue(role, undefined);
      return;
    }
    const interval = this.#look.pace * 1000;
    for (const { role, decision } of looked) {
      const entry = this.#list.entryOf(role);
      if (entry !== undefined) entry.quietUntil = now + LEAST_GAP_MS;
      if (!role.hasPolicies) continue;
      // What is asked for now may be refused, and is not asked for again at once.
      const next = decision.scaling === undefined ? role.nextLook(moment, decision) : undefined;
      this.#list.setDue(role, Math.max(now + LEAST_GAP_MS, Math.min(now + interval, next ?? now + interval)));
    }
  }

  // What is watched.

  #read(id: number): void {
    const document = this.#written.get(id);
    this.#written.delete(id);
    if (document === undefined) {
      this.#forget(id);
      return;
    }
    const service = this.#list.service(id) ?? this.#newService(id);
    try {
      service.read(document);
    } catch (error) {
      // The life cycle has told of it, and leaves it alone as well.
      if (!isGatehouseError(error)) this.#failures.tell(id, error);
      this.#forget(id);
      return;
    }
    this.#list.index(service);
  }

  #newService(id: number): WatchedService {
    return new WatchedService(id, this.#options.cloud, this.#look, () => {
      this.#keys += 1;
      return this.#keys;
    });
  }

  #forget(id: number): void {
    this.#list.forget(id);
    this.#failures.forget(id);
  }
}

/** Nothing of it scales by itself. */
function unwatched(document: Document, cloud: ServiceCloud, settings: LookSettings): WatchedService {
  const service = new WatchedService(document.id, cloud, settings, () => 0);
  service.read(document);
  return service;
}
