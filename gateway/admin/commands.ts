/** What an administrator may ask of a home, whether its house runs or not. */

export interface HomeCommands {
  /** A VM's classic token. @throws GatehouseError `not_found`. */
  token(vmId: number): Promise<string>;
  /**
   * Loads a world, given as JSON text, into a home that holds only what its first start made.
   * @throws GatehouseError `conflict` when it holds more, `bad_request` when the text is no world.
   */
  importWorld(text: string): Promise<void>;
  /** Everything, secrets included, as a world's JSON text. */
  exportWorld(): Promise<string>;
}

/** No world is larger: it passes through memory as one text. */
export const MAX_WORLD_BYTES = 256 * 1_024 * 1_024;
