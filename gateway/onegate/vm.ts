/** `GET` and `PUT` of /vm and /vms/ID: a guest reads and describes itself, and the VMs beside it (spec 4.2, 4.3). */

import { vectorsOf } from "../../shared/template/types.ts";
import type { Vm } from "../cloud/model.ts";
import { etagOf } from "../http/etag.ts";
import { preconditionOf } from "../http/precondition.ts";
import { type Answer, EMPTY_OK, jsonText } from "./answer.ts";
import type { Guest } from "./authenticate.ts";
import { requireInteger } from "./ids.ts";
import type { GateRequest } from "./request.ts";
import type { GateContext, GuestHandler } from "./route.ts";
import { applyUpdate, readUpdate, type UpdateRules } from "./update.ts";

/** All that a guest sees of a network card. */
const NIC_ATTRIBUTES: ReadonlySet<string> = new Set([
  "IP",
  "IP6_LINK",
  "IP6_SITE",
  "IP6_GLOBAL",
  "NETWORK",
  "MAC",
  "NAME",
  "PARENT",
  "EXTERNAL",
  "EXTERNAL_IP",
]);

export interface VmHandlers {
  readonly show: GuestHandler;
  readonly showById: GuestHandler;
  readonly update: GuestHandler;
  readonly updateById: GuestHandler;
}

export function vmHandlers({ cloud, settings, relations }: GateContext): VmHandlers {
  const texts = new VmTexts();
  const rules: UpdateRules = {
    restricted: new Set(settings.restrictedAttributes.map((name) => name.toUpperCase())),
    maxBytes: settings.maxBodyBytes,
    ...settings.limits,
  };
  const show = async (guest: Guest, vmId: number): Promise<Answer> =>
    texts.of(await relations.reach(guest, vmId));
  const update = async (request: GateRequest, guest: Guest, vmId: number): Promise<Answer> => {
    const asked = await readUpdate(request);
    const note = { what: asked.kind === "append" ? "update" : "erase", target: otherVm(guest, vmId) };
    request.note = note;
    const means = (details: readonly string[]): void => {
      request.note = { ...note, details };
    };
    const names = preconditionOf(request);
    const precondition = names && ((vm: Vm) => names(texts.of(vm).etag ?? ""));
    await applyUpdate({ vms: cloud.vms, owner: guest.owner, vmId, means, precondition }, asked, rules);
    return EMPTY_OK;
  };
  return {
    show: (_request, guest) => {
      const vm = cloud.vms.peek(guest.owner, guest.vm.id);
      return vm === undefined ? show(guest, guest.vm.id) : texts.of(vm);
    },
    showById: async (request, guest) => show(guest, vmIdOf(request)),
    update: async (request, guest) => update(request, guest, guest.vm.id),
    updateById: async (request, guest) => {
      const vmId = vmIdOf(request);
      if (vmId !== guest.vm.id) await relations.reach(guest, vmId);
      return update(request, guest, vmId);
    },
  };
}

/** The `:id` of the path. @throws GatehouseError `bad_request` when it is not exactly an integer. */
export function vmIdOf(request: GateRequest): number {
  return requireInteger(request.pathParameter("id") ?? "");
}

/** For a note: the VM that is meant, where it is not the guest's own. */
export function otherVm(guest: Guest, vmId: number): string | undefined {
  return vmId === guest.vm.id ? undefined : `vm ${vmId}`;
}

/** The answer of each VM, made once per snapshot: a guest may ask every second, and changes are rarer. */
class VmTexts {
  readonly #made = new WeakMap<Vm, Answer>();

  of(vm: Vm): Answer {
    const known = this.#made.get(vm);
    if (known !== undefined) return known;
    const text = vmText(vm);
    const answer = jsonText(text, etagOf(text));
    this.#made.set(vm, answer);
    return answer;
  }
}

/** The document of spec 4.2: all leaves strings, NIC and NIC_ALIAS always arrays. */
function vmText(vm: Vm): string {
  const { SCHED_MESSAGE: _, ...userTemplate } = vm.userTemplate;
  return JSON.stringify({
    VM: {
      NAME: vm.name,
      ID: String(vm.id),
      STATE: String(vm.state),
      LCM_STATE: String(vm.lcmState),
      USER_TEMPLATE: userTemplate,
      TEMPLATE: { NIC: visibleNics(vm, "NIC"), NIC_ALIAS: visibleNics(vm, "NIC_ALIAS") },
    },
  });
}

function visibleNics(vm: Vm, name: "NIC" | "NIC_ALIAS"): readonly object[] {
  return vectorsOf(vm.template, name).map((nic) =>
    Object.fromEntries(Object.entries(nic).filter(([attribute]) => NIC_ATTRIBUTES.has(attribute))),
  );
}
