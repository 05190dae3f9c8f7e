/** What an administrator may do to tokens: take them back, allow them again, rotate what signs them, and look. */

import { randomBytes } from "node:crypto";
import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import { stringOf } from "../../../shared/template/types.ts";
import { MIN_TOKEN_PASSWORD_LENGTH } from "../../../shared/tokens/classic.ts";
import { SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { User, Vm } from "../../cloud/model.ts";
import { signerOf } from "./identity-schedule.ts";
import type { Vault } from "./vault.ts";

export interface TokenCommandParts {
  readonly cloud: Pick<Cloud, "vms" | "users">;
  readonly vault: Vault;
  readonly clock: Clock;
}

/** What stands: times in ms since the epoch, and no secret. */
export interface TokenStanding {
  readonly revoked: readonly { readonly vm: number; readonly classic: boolean; readonly at: number }[];
  readonly grace: readonly { readonly uid: number; readonly user: string; readonly until: number }[];
  readonly sessionKeys: readonly { readonly kid: string; readonly madeAt: number }[];
  readonly identityKeys: readonly {
    readonly kid: string;
    readonly signsFrom: number;
    readonly signs: boolean;
  }[];
}

export class TokenCommands {
  readonly #cloud: TokenCommandParts["cloud"];
  readonly #vault: Vault;
  readonly #clock: Clock;
  /** Rotations run one after another: two at once would each keep the password that neither put in place. */
  #rotating: Promise<unknown> = Promise.resolve();

  constructor({ cloud, vault, clock }: TokenCommandParts) {
    this.#cloud = cloud;
    this.#vault = vault;
    this.#clock = clock;
  }

  /** Ends the session tokens of a VM; with `classic` its classic token, too, until it is allowed again. @throws GatehouseError `not_found`. */
  async revoke(vmId: number, classic: boolean): Promise<void> {
    const vm = await this.#cloud.vms.get(SYSTEM, vmId);
    const live = await this.#liveVmIds();
    await this.#vault.revocations.revoke(vm, classic, (id) => !live.has(id));
  }

  /** False when the VM's classic token was not refused. @throws GatehouseError `not_found`. */
  async allow(vmId: number): Promise<boolean> {
    return await this.#vault.revocations.allow(await this.#cloud.vms.get(SYSTEM, vmId));
  }

  /**
   * Gives a user a new TOKEN_PASSWORD; the old one counts for `graceMs` more, 0: no more at once, nor any before it.
   * @returns the user's name, and until when the old password counts. @throws GatehouseError `not_found`, `conflict`.
   */
  rotate(user: string, graceMs: number): Promise<{ readonly user: string; readonly until: number }> {
    const done = this.#rotating.then(() => this.#rotate(user, graceMs));
    this.#rotating = done.catch(() => undefined);
    return done;
  }

  /**
   * The old password is kept before the new one takes its place: after a crash between the two the old one is still
   * current, and what was kept says nothing. Earlier graces end only after it: till then the rotation did not happen.
   */
  async #rotate(name: string, graceMs: number): Promise<{ readonly user: string; readonly until: number }> {
    const user = await this.#userOf(name);
    const { passwords } = this.#vault;
    const old = stringOf(user.template, "TOKEN_PASSWORD") ?? "";
    const next = randomBytes(32).toString("hex");
    const until = this.#clock.now() + graceMs;
    const keeps = graceMs > 0 && old.length >= MIN_TOKEN_PASSWORD_LENGTH;
    if (keeps) await passwords.keep(user.id, old, next, graceMs);
    await this.#cloud.users.update(SYSTEM, user.id, { TOKEN_PASSWORD: next }, "append");
    if (graceMs === 0) await passwords.drop(user.id);
    return { user: user.name, until };
  }

  standing(): TokenStanding {
    const { revocations, passwords, sessionKeys, identityKeys } = this.#vault;
    const keys = identityKeys.list();
    const signer = signerOf(keys, this.#clock.now());
    return {
      revoked: revocations
        .list()
        .map(({ vmId, classicRefused, at }) => ({ vm: vmId, classic: classicRefused, at })),
      grace: passwords.list().map(({ uid, until }) => ({ uid, user: this.#nameOf(uid), until })),
      sessionKeys: sessionKeys.list().map(({ kid, madeAt }) => ({ kid, madeAt })),
      identityKeys: keys.map((key) => ({ kid: key.kid, signsFrom: key.signsFrom, signs: key === signer })),
    };
  }

  /** By id or by name; a name of digits is an id. */
  async #userOf(text: string): Promise<User> {
    if (/^\d{1,10}$/.test(text)) return await this.#cloud.users.get(SYSTEM, Number(text));
    const user = await this.#cloud.users.named(text);
    if (user === undefined) throw new GatehouseError("not_found", `There is no user ${text}.`);
    return user;
  }

  #nameOf(uid: number): string {
    return this.#cloud.users.peek(SYSTEM, uid)?.name ?? "";
  }

  async #liveVmIds(): Promise<ReadonlySet<number>> {
    const isLive = (vm: Vm) => vm.state !== VM_STATE.DONE;
    return new Set((await this.#cloud.vms.list(SYSTEM)).filter(isLive).map(({ id }) => id));
  }
}
