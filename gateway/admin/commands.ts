/** What an administrator may ask of a home, whether its house runs or not. */

import type { Rotated, TokenStanding } from "./token-messages.ts";

export interface HomeCommands {
  /** A VM's classic token. @throws GatehouseError `not_found`. */
  token(vmId: number): Promise<string>;
  /** Ends the session tokens of a VM; with `classic` its classic token, too, until it is allowed. @throws GatehouseError `not_found`. */
  revokeTokens(vmId: number, classic: boolean): Promise<void>;
  /** Takes the classic token of a VM again. False when it was not refused. @throws GatehouseError `not_found`. */
  allowToken(vmId: number): Promise<boolean>;
  /**
   * Gives a user, by name or id, a new TOKEN_PASSWORD; the old one counts for `graceMs` more.
   * @throws GatehouseError `not_found`, `conflict` when too many are in grace.
   */
  rotateTokenPassword(user: string, graceMs: number): Promise<Rotated>;
  /** What is revoked and in grace, and the keys there are: no secrets. */
  tokenStanding(): Promise<TokenStanding>;
  /**
   * Loads a world, given as JSON text, into a home that holds only what its first start made.
   * @throws GatehouseError `conflict` when it holds more, `bad_request` when the text is no world.
   */
  importWorld(text: string): Promise<void>;
  /** Everything that the cloud holds, secrets included, as a world's JSON text; keys and revocations are not the cloud's. */
  exportWorld(): Promise<string>;
}

/** No world is larger: it passes through memory as one text. */
export const MAX_WORLD_BYTES = 256 * 1_024 * 1_024;
