/** The agent's boot ids: each is on disk before anything is sealed with it, since one used twice repeats nonces. */

import { join } from "node:path";
import { type Clock, epochSeconds } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { MAX_BOOT_ID, nextBootId } from "../../shared/monitor/boot.ts";
import { keepDurably, readKept } from "./kept-file.ts";

export class BootIds {
  readonly #path: string;
  readonly #clock: Clock;
  #kept: number | undefined;

  /** @throws GatehouseError `internal` when what is kept is no boot id: it would have to be guessed. */
  constructor(stateDir: string, clock: Clock) {
    this.#path = join(stateDir, "boot-id");
    this.#clock = clock;
    const text = readKept(this.#path)?.trim();
    this.#kept = text === undefined ? undefined : parse(text, this.#path);
  }

  /** A boot id above all earlier ones. @throws Error when it cannot be kept. */
  take(): number {
    const bootId = nextBootId(this.#kept, epochSeconds(this.#clock));
    keepDurably(this.#path, `${bootId}\n`);
    this.#kept = bootId;
    return bootId;
  }
}

function parse(text: string, path: string): number {
  const bootId = Number(text);
  if (/^\d{1,10}$/.test(text) && bootId <= MAX_BOOT_ID) return bootId;
  throw new GatehouseError(
    "internal",
    `${path} holds no boot id: remove the agent's state directory and enrol it with a new key.`,
  );
}
