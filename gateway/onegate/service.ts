/** `GET /service` and `PUT /service/role/ROLE`: a guest reads and scales its own service (spec onegate-api.md 4.6, 4.7). */

import { z } from "zod";
import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import type { Actor } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { vmToDocument } from "../cloud/document/vm.ts";
import type { Vm } from "../cloud/model.ts";
import { etagOf } from "../http/etag.ts";
import { shown } from "../http/ids.ts";
import { preconditionOf } from "../http/precondition.ts";
import type { ServiceScaler, ServiceView } from "../oneflow/directory.ts";
import { type Answer, EMPTY_OK, jsonText } from "./answer.ts";
import type { Guest } from "./authenticate.ts";
import { parseJson } from "./json.ts";
import { isUnreadable } from "./relation.ts";
import type { GateRequest } from "./request.ts";
import type { GateContext, GuestHandler } from "./route.ts";

export function showService({ cloud, relations }: GateContext): GuestHandler {
  const plainTexts = new ServiceTexts(shortVm);
  const extendedTexts = new ServiceTexts(vmToDocument);
  const read = async (request: GateRequest, guest: Guest): Promise<Answer> => {
    const view = await relations.serviceOf(guest);
    const isExtended = await wantsExtended(request);
    const texts = isExtended ? extendedTexts : plainTexts;
    const known = texts.now(view, guest.owner, (id) => cloud.vms.peek(guest.owner, id));
    return known ?? texts.of(view, await (isExtended ? readVms : readVmsShort)(cloud, guest.owner, view));
  };
  return function service(request, guest) {
    // Without waiting, if all is in memory; a body may ask for the other form.
    const view = request.bodySize() > 0 ? undefined : relations.peekService(guest);
    if (view === undefined) return read(request, guest);
    const texts = request.query().has("extended") ? extendedTexts : plainTexts;
    return texts.now(view, guest.owner, (id) => cloud.vms.peek(guest.owner, id)) ?? read(request, guest);
  };
}

const scaleRequest = z.object({
  cardinality: z.union([
    z.int().min(0),
    z
      .string()
      .regex(/^[0-9]{1,9}$/)
      .transform(Number),
  ]),
});

/** Without a scaler (OneFlow is off) every scale is refused. */
export function scaleRole(
  { cloud, relations }: GateContext,
  scaler: ServiceScaler | undefined,
): GuestHandler {
  const texts = new ServiceTexts(shortVm);
  return async function scale(request, guest) {
    const role = request.pathParameter("role") ?? "";
    const note = { what: "scale", target: `role ${shown(role)}` };
    request.note = note;
    const view = await relations.serviceOf(guest);
    const { id } = view;
    const names = preconditionOf(request);
    if (names !== undefined) {
      const { etag = "" } = texts.of(view, await readVmsShort(cloud, guest.owner, view));
      if (!names(etag)) throw notAsNamed(id);
    }
    const refused = `Error performing action on service ${id} role ${shown(role)}`;
    const wanted = scaleRequest.safeParse(parseJson(await request.text()));
    if (!wanted.success) throw new GatehouseError("bad_request", refused);
    request.note = { ...note, details: [`cardinality ${wanted.data.cardinality}`] };
    if (scaler === undefined)
      throw new GatehouseError("unavailable", "Scaling needs OneFlow, which is not enabled.");
    try {
      await scaler.scale(guest.owner, id, role, wanted.data.cardinality);
    } catch (cause) {
      if (!isGatehouseError(cause) || cause.code === "unavailable") throw cause;
      throw new GatehouseError("bad_request", refused, { cause });
    }
    return EMPTY_OK;
  };
}

/** OneFlow decides anew by what the service is when it scales it, so this is looked at beforehand. */
function notAsNamed(id: number): GatehouseError {
  return new GatehouseError(
    "precondition_failed",
    `Service ${id} is not as If-Match has it: read it again, and send the ETag it has now.`,
  );
}

/** On whenever the parameter is there, whatever its value (recorded: `extended=false` and `extended=` too). */
async function wantsExtended(request: GateRequest): Promise<boolean> {
  return request.query().has("extended") || (await request.form()).has("extended");
}

/** The VMs of all roles in order, as the owner sees them; undefined where one is gone or not the owner's to see. */
async function readVms(
  cloud: Pick<Cloud, "vms">,
  owner: Actor,
  view: ServiceView,
): Promise<readonly (Vm | undefined)[]> {
  const ids = view.roles.flatMap((role) => role.vmIds);
  return Promise.all(ids.map((vmId) => cloud.vms.get(owner, vmId).catch(unlessUnreadable)));
}

/** The same for an answer without what is measured of them: in one go, however many they are. */
async function readVmsShort(
  cloud: Pick<Cloud, "vms">,
  owner: Actor,
  view: ServiceView,
): Promise<readonly (Vm | undefined)[]> {
  const ids = view.roles.flatMap((role) => role.vmIds);
  const vms = ids.length === 0 ? [] : await cloud.vms.several(owner, ids);
  const byId = new Map(vms.map((vm) => [vm.id, vm]));
  return ids.map((vmId) => byId.get(vmId));
}

function unlessUnreadable(error: unknown): undefined {
  if (!isUnreadable(error)) throw error;
}

/** The answer of a service, kept while its document and all its VMs stay the snapshots it was made from. */
class ServiceTexts {
  readonly #vmInfo: (vm: Vm) => object;
  readonly #made = new WeakMap<ServiceView, { vms: readonly (Vm | undefined)[]; answer: Answer }>();

  #checked: { view: ServiceView; uid: number; answer: Answer } | undefined;
  readonly #forget = (): void => {
    this.#checked = undefined;
  };

  constructor(vmInfo: (vm: Vm) => object) {
    this.#vmInfo = vmInfo;
  }

  /** The answer without waiting, where the cloud has all VMs in memory; undefined says nothing yet. */
  now(view: ServiceView, owner: Actor, peekVm: (id: number) => Vm | undefined): Answer | undefined {
    // Within one turn nothing changes, and thousands that waited for one change look in a few turns.
    if (this.#checked?.view === view && this.#checked.uid === owner.uid) return this.#checked.answer;
    const known = this.#made.get(view);
    const isSame = known?.vms.every((vm) => vm !== undefined && vm === peekVm(vm.id));
    const answer = known !== undefined && isSame ? known.answer : this.#anew(view, peekVm);
    if (answer === undefined) return undefined;
    if (this.#checked === undefined) queueMicrotask(this.#forget);
    this.#checked = { view, uid: owner.uid, answer };
    return answer;
  }

  of(view: ServiceView, vms: readonly (Vm | undefined)[]): Answer {
    const known = this.#made.get(view);
    if (known?.vms.every((vm, index) => vm === vms[index])) return known.answer;
    const text = this.#textOf(view, vms);
    const answer = jsonText(text, etagOf(text));
    this.#made.set(view, { vms, answer });
    return answer;
  }

  #anew(view: ServiceView, peekVm: (id: number) => Vm | undefined): Answer | undefined {
    const vms: Vm[] = [];
    for (const role of view.roles) {
      for (const id of role.vmIds) {
        const vm = peekVm(id);
        if (vm === undefined) return undefined;
        vms.push(vm);
      }
    }
    return this.of(view, vms);
  }

  #textOf(view: ServiceView, vms: readonly (Vm | undefined)[]): string {
    const next = vms.values();
    const roles = view.roles.map(({ name, cardinality, state, vmIds }) => {
      const nodes = vmIds.map((vmId) => {
        const vm = next.next().value;
        return { deploy_id: vmId, running: null, vm_info: vm === undefined ? null : this.#vmInfo(vm) };
      });
      return { name, cardinality, state, nodes };
    });
    return JSON.stringify({ SERVICE: { name: view.name, id: String(view.id), state: view.state, roles } });
  }
}

function shortVm(vm: Vm): object {
  const { uname: UNAME, gname: GNAME, name: NAME } = vm;
  return { VM: { ID: String(vm.id), UID: String(vm.uid), GID: String(vm.gid), UNAME, GNAME, NAME } };
}
