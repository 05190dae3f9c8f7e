/** Who asks: the VM whose token is shown, and the user who owns it now (spec onegate-api.md 2). */

import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { stringOf } from "../../shared/template/types.ts";
import { classicToken, MIN_TOKEN_PASSWORD_LENGTH, tokensEqual } from "../../shared/tokens/classic.ts";
import { type Actor, type Cloud, SYSTEM } from "../cloud/cloud.ts";
import type { User, Vm } from "../cloud/model.ts";
import { exactId } from "./ids.ts";
import { singleParameter } from "./parameters.ts";
import type { GateRequest } from "./request.ts";
import type { Grants } from "./trust/scopes.ts";
import type { Standings } from "./trust/standing.ts";

/** The VM that a token proved, and its owner, as whom everything is done from there on. */
export interface Guest {
  readonly vm: Vm;
  readonly owner: Actor;
  /** What its token may do. */
  readonly grants: Grants;
}

/** `pathNamesVm`: the route's `:id` is a VM's, and may stand for a missing VMID header. */
export type Authenticate = (request: GateRequest, pathNamesVm: boolean) => Promise<Guest>;

export interface Authenticator {
  /** @throws GatehouseError `unauthorized`, always the same sentence, for whatever is wrong. */
  readonly authenticate: Authenticate;
  /**
   * The same without waiting, for the hot paths: when the headers say it all and the cloud has all in memory.
   * Undefined says nothing yet; `authenticate` decides.
   */
  readonly recognise: (request: GateRequest) => Guest | undefined;
}

/** Tokens of live VMs in a house of any size seen; past it the oldest are computed again. */
const MAX_REMEMBERED_TOKENS = 100_000;

export function createAuthenticator(
  cloud: Pick<Cloud, "vms" | "users">,
  standings: Standings,
): Authenticator {
  const expected = new ExpectedTokens();
  /** Undefined when the token does not count from where it was sent. */
  const guestOf = (request: GateRequest, vm: Vm, owner: Actor): Guest | undefined => {
    const { grants, takesFrom } = standings.of(vm);
    return takesFrom === undefined || takesFrom(request.address) ? { vm, owner, grants } : undefined;
  };
  const authenticate: Authenticate = async (request, pathNamesVm) => {
    const token = request.header("x-onegate-token");
    if (token === undefined || token === "") throw notAuthorized();
    const vmId = exactId((await claimedVmId(request, pathNamesVm)) ?? "");
    if (vmId === undefined) throw notAuthorized();
    const vm = await found(cloud.vms.get(SYSTEM, vmId));
    if (vm.state === VM_STATE.DONE) throw notAuthorized();
    const creatorId = creatorOf(vm);
    if (creatorId === undefined) throw notAuthorized();
    const creator = await found(cloud.users.get(SYSTEM, creatorId));
    if (!expected.prove(vm, creator, token)) throw notAuthorized();
    const owner = await cloud.users.actor(vm.uid);
    const guest = owner === undefined ? undefined : guestOf(request, vm, owner);
    if (guest === undefined) throw notAuthorized();
    return guest;
  };
  const recognise = (request: GateRequest): Guest | undefined => {
    const token = request.header("x-onegate-token");
    const vmId = exactId(request.header("x-onegate-vmid") ?? "");
    if (!token || vmId === undefined) return undefined;
    const vm = cloud.vms.peek(SYSTEM, vmId);
    if (vm === undefined || vm.state === VM_STATE.DONE) return undefined;
    const creator = cloud.users.peek(SYSTEM, creatorOf(vm) ?? -1);
    if (creator === undefined || !expected.prove(vm, creator, token)) return undefined;
    const owner = cloud.users.peekActor(vm.uid);
    return owner === undefined ? undefined : guestOf(request, vm, owner);
  };
  return { authenticate, recognise };
}

/** The user whose TOKEN_PASSWORD signs the VM's token, whoever owns the VM now. */
function creatorOf(vm: Vm): number | undefined {
  return exactId(stringOf(vm.template, "CREATED_BY") ?? "");
}

/** The header, or where it is missing the deprecated `id` of path, query or form, in that order. */
async function claimedVmId(request: GateRequest, pathNamesVm: boolean): Promise<string | undefined> {
  const header = request.header("x-onegate-vmid");
  if (header !== undefined) return header.trim();
  return (
    (pathNamesVm ? request.pathParameter("id") : undefined) ??
    singleParameter(request.query(), "id") ??
    singleParameter(await request.form(), "id")
  );
}

async function found<T>(read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (isGatehouseError(error) && error.code === "not_found") throw notAuthorized();
    throw error;
  }
}

function notAuthorized(): GatehouseError {
  return new GatehouseError("unauthorized", "Not authorized");
}

/** The token of each VM, kept while what it is made of stays the same: a cipher object costs about 50 µs. */
class ExpectedTokens {
  readonly #kept = new Map<number, { stime: number; password: string; token: string }>();

  /** True when `token` is the VM's, as signed by its creator. */
  prove(vm: Vm, creator: User, token: string): boolean {
    const password = stringOf(creator.template, "TOKEN_PASSWORD") ?? "";
    return password.length >= MIN_TOKEN_PASSWORD_LENGTH && tokensEqual(this.#of(vm, password), token.trim());
  }

  #of(vm: Vm, password: string): string {
    const kept = this.#kept.get(vm.id);
    if (kept !== undefined && kept.stime === vm.stime && kept.password === password) return kept.token;
    const token = classicToken({ vmId: vm.id, stime: vm.stime, tokenPassword: password });
    this.#kept.delete(vm.id);
    if (this.#kept.size >= MAX_REMEMBERED_TOKENS) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(vm.id, { stime: vm.stime, password, token });
    return token;
  }
}
