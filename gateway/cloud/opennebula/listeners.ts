/** Who hears of changes, and what they hear: what is seen of objects becomes events of the cloud. */

import { isDeepStrictEqual } from "node:util";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { CloudEvent } from "../event.ts";
import type { Document, Host, Network, Router, Vm } from "../model.ts";
import type { Change } from "./sight.ts";

export type Listener = (event: CloudEvent) => void;

export class Listeners {
  readonly #listeners = new Set<Listener>();
  readonly #onFirst: () => void;
  readonly #onNone: () => void;

  constructor(onFirst: () => void, onNone: () => void) {
    this.#onFirst = onFirst;
    this.#onNone = onNone;
  }

  add(listener: Listener): () => void {
    // A function of its own: the same listener may be there twice.
    const own: Listener = (event) => listener(event);
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#onFirst();
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#onNone();
    };
  }

  readonly tell = (event: CloudEvent): void => {
    for (const listener of [...this.#listeners]) listener(event);
  };
}

/** A VM whose last record was removed has ended, whatever it was. */
export function vmEvent({ now, previous }: Change<Vm>): CloudEvent | undefined {
  const vm = now ?? ended(previous);
  if (vm === undefined || (now === undefined && previous?.state === VM_STATE.DONE)) return undefined;
  if (previous?.state === vm.state && previous.lcmState === vm.lcmState)
    return { kind: "vm_updated", vm, previous };
  return { kind: "vm_state", vm, previous };
}

function ended(vm: Vm | undefined): Vm | undefined {
  return vm && { ...vm, version: vm.version + 1, state: VM_STATE.DONE, lcmState: 0 };
}

/** Readings are told apart, and come with every look. */
export function isVmNews(next: Vm, last: Vm): boolean {
  return !isDeepStrictEqual(bare(next), bare(last));
}

function bare(vm: Vm): unknown {
  return { ...vm, version: 0, lastPoll: 0, monitoring: {} };
}

export function hostEvent({ now, previous }: Change<Host>): CloudEvent | undefined {
  return now === undefined || now.state === previous?.state ? undefined : { kind: "host_state", host: now };
}

export function documentEvent({ id, now, previous }: Change<Document>): CloudEvent {
  return { kind: "document_changed", id, document: now, previous };
}

export function routerEvent({ id, now, previous }: Change<Router>): CloudEvent {
  return { kind: "router_changed", id, router: now, previous };
}

export function networkEvent({ id, now, previous, onlyBeside }: Change<Network>): CloudEvent {
  return { kind: "network_changed", id, network: now, previous: onlyBeside ? now : previous };
}
