/** The classic tokens that VMs may show: the one that the creator's TOKEN_PASSWORD makes, and those of passwords in grace. */

import { stringOf } from "../../../shared/template/types.ts";
import { classicToken, MIN_TOKEN_PASSWORD_LENGTH, tokensEqual } from "../../../shared/tokens/classic.ts";
import type { User, Vm } from "../../cloud/model.ts";
import type { PreviousPasswords } from "./previous-passwords.ts";

/** Proved by a classic token, made with this TOKEN_PASSWORD. */
export interface ClassicProof {
  readonly kind: "classic";
  readonly password: string;
}

/** Tokens of live VMs in a house of any size seen; past it the oldest are computed again. */
const MAX_REMEMBERED_TOKENS = 100_000;

/** The tokens of each VM, kept while what they are made of stays the same: a cipher object costs about 50 µs. */
export class ExpectedTokens {
  readonly #previous: PreviousPasswords | undefined;
  /** By VM id; those of passwords in grace by `<id>/<print>`. */
  readonly #kept = new Map<number | string, ClassicProof & { stime: number; token: string }>();

  constructor(previous: PreviousPasswords | undefined) {
    this.#previous = previous;
  }

  /** When `token` is the VM's, as signed by its creator: now, or before a rotation whose grace has not ended. */
  prove(vm: Vm, creator: User, token: string): ClassicProof | undefined {
    const current = this.#proveWith(vm, vm.id, stringOf(creator.template, "TOKEN_PASSWORD") ?? "", token);
    if (current !== undefined) return current;
    for (const { password, print } of this.#previous?.of(creator) ?? []) {
      const proof = this.#proveWith(vm, `${vm.id}/${print}`, password, token);
      if (proof !== undefined) return proof;
    }
    return undefined;
  }

  #proveWith(vm: Vm, place: number | string, password: string, token: string): ClassicProof | undefined {
    if (password.length < MIN_TOKEN_PASSWORD_LENGTH) return undefined;
    const kept = this.#of(vm, place, password);
    return tokensEqual(kept.token, token) ? kept : undefined;
  }

  #of({ id: vmId, stime }: Vm, place: number | string, password: string) {
    const kept = this.#kept.get(place);
    if (kept !== undefined && kept.stime === stime && kept.password === password) return kept;
    const token = classicToken({ vmId, stime, tokenPassword: password });
    this.#kept.delete(place);
    if (this.#kept.size >= MAX_REMEMBERED_TOKENS) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    const made = { kind: "classic", stime, password, token } as const;
    this.#kept.set(place, made);
    return made;
  }
}
