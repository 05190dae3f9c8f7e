/** What one session token says, and whether it still stands. */

import { z } from "zod";
import type { Clock } from "../../../shared/clock.ts";
import type { User } from "../../cloud/model.ts";
import { Deadline } from "./deadline.ts";
import type { VmBirth } from "./revocations.ts";
import { type Grants, parseScopes } from "./scopes.ts";
import type { Vault } from "./vault.ts";

export const sessionClaims = z.object({
  /** The VM's id. */
  sub: z.string().regex(/^\d{1,16}$/),
  /** Its birth in seconds since the epoch: another VM under the same id is another VM. */
  stime: z.int(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
  /** See Revocation. */
  gen: z.int(),
  /** The print of the TOKEN_PASSWORD behind the classic token that it was traded for. */
  pwd: z.string(),
  /** Missing: all that the VM may do. */
  scope: z.string().optional(),
});

export type SessionClaims = z.output<typeof sessionClaims>;

export class Session {
  readonly kind = "session";
  readonly vmId: number;
  readonly deadline: Deadline;
  readonly #claims: SessionClaims;
  readonly #grants: Grants | undefined;
  #narrowed: { readonly from: Grants; readonly to: Grants } | undefined;

  constructor(clock: Clock, claims: SessionClaims) {
    this.vmId = Number(claims.sub);
    this.deadline = new Deadline(clock, Math.round(claims.exp * 1_000));
    this.#claims = claims;
    // A scope was written out when the token was made, so no word in it depends on the profile any more.
    this.#grants = claims.scope === undefined ? undefined : parseScopes(claims.scope, "open").grants;
  }

  /**
   * Whether it counts for this VM now.
   * @param creator whose TOKEN_PASSWORD signs the VM's classic token: a session token is worth no more than that one
   */
  standsFor(vm: VmBirth, creator: User, { revocations, passwords }: Vault): boolean {
    const { stime, gen, pwd } = this.#claims;
    if (vm.id !== this.vmId || vm.stime !== stime || this.deadline.isOver()) return false;
    if (gen !== revocations.generationOf(vm)) return false;
    return pwd === passwords.printOf(creator) || passwords.of(creator).some(({ print }) => print === pwd);
  }

  /** What is left of a VM's grants. */
  narrow(grants: Grants): Grants {
    if (this.#grants === undefined) return grants;
    if (this.#narrowed?.from !== grants)
      this.#narrowed = { from: grants, to: grants.narrowedTo(this.#grants) };
    return this.#narrowed.to;
  }
}
