/** Who asks: the VM whose token is shown, and the user who owns it now (spec onegate-api.md 2). */

import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { stringOf } from "../../shared/template/types.ts";
import { type Actor, actorOf, SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { User, Vm } from "../cloud/model.ts";
import { exactId } from "../http/ids.ts";
import { singleParameter } from "../http/parameters.ts";
import { EarlyForms } from "./early-form.ts";
import type { GateRequest } from "./request.ts";
import { type ClassicProof, ExpectedTokens } from "./trust/classic-tokens.ts";
import type { Grants } from "./trust/scopes.ts";
import type { Session } from "./trust/session.ts";
import { looksLikeSession, type Sessions } from "./trust/sessions.ts";
import type { Standings } from "./trust/standing.ts";
import type { Trust } from "./trust/trust.ts";
import type { Vault } from "./trust/vault.ts";

export type Proof = ClassicProof | Session;

/** The VM that a token proved, and its owner, as whom everything is done from there on. */
export interface Guest {
  readonly vm: Vm;
  readonly owner: Actor;
  /** What its token may do. */
  readonly grants: Grants;
  readonly proof: Proof;
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

export interface AuthenticatorParts {
  readonly cloud: Pick<Cloud, "vms" | "users">;
  readonly standings: Standings;
  /** None: classic tokens only, and none is ever taken back. */
  readonly trust: Trust | undefined;
  readonly sessionsEnabled: boolean;
}

export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const means: Means = {
    cloud: parts.cloud,
    sessions: parts.sessionsEnabled ? parts.trust?.sessions : undefined,
    judge: new Judge(parts),
    earlyForms: new EarlyForms(),
  };
  return {
    authenticate: (request, pathNamesVm) => authenticate(means, request, pathNamesVm),
    recognise: (request) => recognise(means, request),
  };
}

/** What both ways of finding out who asks go by. */
interface Means {
  readonly cloud: AuthenticatorParts["cloud"];
  readonly sessions: Sessions | undefined;
  readonly judge: Judge;
  readonly earlyForms: EarlyForms;
}

async function authenticate(
  { cloud, sessions, judge, earlyForms }: Means,
  request: GateRequest,
  pathNamesVm: boolean,
): Promise<Guest> {
  const token = tokenOf(request);
  if (token === undefined) throw notAuthorized();
  const session = looksLikeSession(token) ? await sessions?.known(token) : undefined;
  if (session === undefined && looksLikeSession(token)) throw notAuthorized();
  const vmId =
    session === undefined
      ? exactId((await claimedVmId(request, pathNamesVm, earlyForms)) ?? "")
      : agreedVmId(request, session);
  if (vmId === undefined) throw notAuthorized();
  const vm = await found(cloud.vms.get(SYSTEM, vmId));
  const creatorId = creatorOf(vm);
  if (creatorId === undefined) throw notAuthorized();
  const creator = await found(cloud.users.get(SYSTEM, creatorId));
  const proof = judge.prove(vm, creator, session ?? token);
  const owner = proof === undefined ? undefined : await ownerOf(cloud, vm, creator);
  const guest = proof && owner && judge.admit(request, { vm, owner, proof });
  if (guest === undefined) throw notAuthorized();
  return guest;
}

function recognise({ cloud, sessions, judge }: Means, request: GateRequest): Guest | undefined {
  const token = tokenOf(request);
  if (token === undefined) return undefined;
  const session = looksLikeSession(token) ? sessions?.recall(token) : undefined;
  if (session === undefined && looksLikeSession(token)) return undefined;
  const vmId =
    session === undefined ? exactId(request.header("x-onegate-vmid") ?? "") : agreedVmId(request, session);
  const vm = vmId === undefined ? undefined : cloud.vms.peek(SYSTEM, vmId);
  const creator = vm === undefined ? undefined : cloud.users.peek(SYSTEM, creatorOf(vm) ?? -1);
  if (vm === undefined || creator === undefined) return undefined;
  const proof = judge.prove(vm, creator, session ?? token);
  const owner = proof === undefined ? undefined : cloud.users.peekActor(vm.uid);
  return proof && owner && judge.admit(request, { vm, owner, proof });
}

/** Says what is proved, of a VM and its creator that were found. */
class Judge {
  readonly #standings: Standings;
  readonly #vault: Vault | undefined;
  readonly #expected: ExpectedTokens;

  constructor({ standings, trust }: AuthenticatorParts) {
    this.#standings = standings;
    this.#vault = trust?.vault;
    this.#expected = new ExpectedTokens(trust?.vault.passwords);
  }

  /** `shown`: a session token that is ours, or the text of a classic one. */
  prove(vm: Vm, creator: User, shown: Session | string): Proof | undefined {
    if (vm.state === VM_STATE.DONE) return undefined;
    const vault = this.#vault;
    if (typeof shown !== "string") {
      return vault !== undefined && shown.standsFor(vm, creator, vault) ? shown : undefined;
    }
    // Proved first: a grace that has ended is then seen to have ended, also while the VM is revoked.
    const proof = this.#expected.prove(vm, creator, shown);
    return vault?.revocations.refusesClassic(vm) ? undefined : proof;
  }

  /** Undefined when the token does not count from where it was sent. */
  admit(request: GateRequest, proved: Pick<Guest, "vm" | "owner" | "proof">): Guest | undefined {
    const { vm, owner, proof } = proved;
    const { grants, takesFrom } = this.#standings.of(vm);
    if (takesFrom !== undefined && !takesFrom(request.address)) return undefined;
    return { vm, owner, grants: proof.kind === "session" ? proof.narrow(grants) : grants, proof };
  }
}

/** What the request shows as its token, whatever it is. */
export function tokenOf(request: GateRequest): string | undefined {
  return request.header("x-onegate-token")?.trim() || undefined;
}

/** A session token says itself whose it is; a VMID header beside it must not say otherwise. */
function agreedVmId(request: GateRequest, { vmId }: Session): number | undefined {
  const header = request.header("x-onegate-vmid");
  return header === undefined || exactId(header.trim()) === vmId ? vmId : undefined;
}

/** The user whose TOKEN_PASSWORD signs the VM's token, whoever owns the VM now. */
function creatorOf(vm: Vm): number | undefined {
  return exactId(stringOf(vm.template, "CREATED_BY") ?? "");
}

/** The header, or where it is missing the deprecated `id` of path, query or form, in that order. */
async function claimedVmId(
  request: GateRequest,
  pathNamesVm: boolean,
  earlyForms: EarlyForms,
): Promise<string | undefined> {
  const header = request.header("x-onegate-vmid");
  if (header !== undefined) return header.trim();
  return (
    (pathNamesVm ? request.pathParameter("id") : undefined) ??
    singleParameter(request.query(), "id") ??
    singleParameter(await earlyForms.read(request), "id")
  );
}

/** Most VMs belong to whoever made them, who was read just now. */
async function ownerOf(
  { users }: AuthenticatorParts["cloud"],
  { uid }: Vm,
  creator: User,
): Promise<Actor | undefined> {
  return creator.id === uid ? actorOf(creator) : await users.actor(uid);
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
