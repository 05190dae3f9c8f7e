/** What the parts of the cloud suite share: a fresh cloud for each test, and words for what they do with it. */

import { afterEach, beforeEach } from "vitest";
import type { Actor } from "../../../gateway/cloud/actor.ts";
import type { Cloud } from "../../../gateway/cloud/cloud.ts";
import type { CloudEvent } from "../../../gateway/cloud/event.ts";
import type { Vm } from "../../../gateway/cloud/model.ts";
import { vmStateText } from "../../../shared/states/vm.ts";
import { parseTemplate } from "../../../shared/template/parse.ts";

/** A cloud to be tested. It has at least one enabled host, on which guests boot by themselves. */
export interface CloudUnderTest {
  readonly cloud: Cloud;
  /** Who may do everything. */
  readonly admin: Actor;
  /** Makes an ordinary user of the default group, with the password `<name>pw`. */
  user(name: string): Promise<Actor>;
  /** False for a cloud that is looked at from time to time: what a VM only passes through may be over by then. */
  readonly seesAllMoves?: boolean;
  close(): Promise<void>;
}

export type MakeCloud = () => Promise<CloudUnderTest>;

/** Opens a cloud before, and closes it after, each test of the surrounding `describe`; returns the current one. */
export function freshCloud(makeCloud: MakeCloud): () => CloudUnderTest {
  let current: CloudUnderTest | undefined;
  beforeEach(async () => {
    current = await makeCloud();
  });
  afterEach(async () => {
    await current?.close();
    current = undefined;
  });
  return () => {
    if (current === undefined) throw new Error("The cloud is there only while a test runs.");
    return current;
  };
}

/** Template text, in OpenNebula's syntax. */
export const text = (source: string) => parseTemplate(source);

/** One name for both state codes: RUNNING, POWEROFF, DONE, ... */
export const phase = (vm: Vm) => vmStateText(vm.state, vm.lcmState);

/** The VM once it is in a phase. It listens before it looks, so no change slips between the two. */
export async function untilPhase(cloud: Cloud, actor: Actor, id: number, wanted: string): Promise<Vm> {
  return await untilVm(cloud, actor, id, (vm) => phase(vm) === wanted);
}

/** The VM once `holds` is true of it. */
export async function untilVm(
  cloud: Cloud,
  actor: Actor,
  id: number,
  holds: (vm: Vm) => boolean,
): Promise<Vm> {
  const { promise, resolve } = Promise.withResolvers<Vm>();
  const unsubscribe = cloud.subscribe((event) => {
    if ("vm" in event && event.vm.id === id && holds(event.vm)) resolve(event.vm);
  });
  try {
    const vm = await cloud.vms.get(actor, id);
    return holds(vm) ? vm : await promise;
  } finally {
    unsubscribe();
  }
}

/** What a cloud tells from now on. */
export function recordEvents(cloud: Cloud): CloudEvent[] {
  const events: CloudEvent[] = [];
  cloud.subscribe((event) => events.push(event));
  return events;
}

/** A user of the given groups, the first being the primary one. */
export async function userOf(
  { cloud, admin }: CloudUnderTest,
  name: string,
  gids: readonly number[],
): Promise<Actor> {
  const id = await cloud.users.allocate(admin, { name, password: `${name}pw`, gids });
  const actor = await cloud.users.actor(id);
  if (actor === undefined) throw new Error(`User ${name} was not made.`);
  return actor;
}

/** Ids of all hosts, after setting each to `state`. */
export async function setAllHosts(
  { cloud, admin }: CloudUnderTest,
  state: "enabled" | "disabled" | "offline",
): Promise<readonly number[]> {
  const hosts = await cloud.hosts.list(admin);
  for (const host of hosts) await cloud.hosts.setState(admin, host.id, state);
  return hosts.map((host) => host.id);
}

/** Who holds addresses of a network, as `vm 3`, in the order of the addresses. */
export async function leaseHolders(cloud: Cloud, actor: Actor, networkId: number): Promise<string[]> {
  const { leases } = await cloud.networks.detail(actor, networkId);
  return [...leases.values()].flat().map(({ holder }) => `${holder.kind} ${holder.id}`);
}
