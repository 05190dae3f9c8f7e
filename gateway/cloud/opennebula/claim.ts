/**
 * Which house does the services of an OpenNebula: two at once would each make every VM of a service. It is written down in
 * a document of the core's, of a type of its own, by a beat that changes while its house lives.
 */

import type { Clock } from "../../../shared/clock.ts";
import { errorText, GatehouseError } from "../../../shared/errors.ts";
import { nodesAt, numberAt, textAt } from "../../../shared/xml/node.ts";
import { SYSTEM } from "../actor.ts";
import type { Core } from "./core.ts";
import { templateText } from "./template-text.ts";

/** OpenNebula's own documents have types from 100 on; documents are of one zone, as services are. */
const DOCUMENT_TYPE = 4_647;
const NAME = "gatehouse-services";
const LIST = "one.documentpool.info";
/** All owners, all ids. */
const EVERYTHING = [-2, -1, -1] as const;

const BEAT_MS = 15_000;
/** A house whose beat was the same for so long has gone; told by this house's own watch, since clocks differ. */
const GONE_MS = 60_000;
/** Of two that take it at the same time the last one to write has it, and both look after this. */
const SETTLE_MS = 200;
/** A house ends without a core that does not answer. */
const RELEASE_MS = 2_000;

export interface Claimant {
  /** Of the home: a house that is started again has what it had. */
  readonly house: string;
  /** For people. */
  readonly machine: string;
}

interface Claimed extends Claimant {
  readonly id: number;
  readonly beat: string;
}

export interface ClaimOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly claimant: Claimant;
  /** Another text each time. */
  readonly newBeat: () => string;
  /** Told once, when another house has taken what this one held. */
  readonly onLost: (reason: string) => void;
}

export class Claim {
  readonly #options: ClaimOptions;
  /** The beat of another house, and since when it is the same. */
  #other: { readonly beat: string; readonly since: number } | undefined;
  #isHeld = false;
  #cancel: () => void = () => undefined;

  constructor(options: ClaimOptions) {
    this.#options = options;
  }

  /** Resolves when it is this house's, and keeps it so. @throws GatehouseError `unavailable` while another has it. */
  async take(): Promise<void> {
    if (this.#isHeld) return;
    const found = await this.#read();
    if (found !== undefined && !this.#isMine(found) && !this.#isGone(found)) throw taken(found);
    await this.#write(found);
    if (found === undefined || !this.#isMine(found)) await this.#settle();
    this.#isHeld = true;
    this.#beatLater();
  }

  /** Another house may have it at once. Never rejects: one that cannot be told waits until this one has gone. */
  async release(): Promise<void> {
    this.#cancel();
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(RELEASE_MS, resolve);
    await Promise.race([this.#remove(), tooLong]);
    cancel();
  }

  async #remove(): Promise<void> {
    const { core } = this.#options;
    try {
      const found = await this.#read();
      if (found !== undefined && this.#isMine(found))
        await core.write(SYSTEM, "one.document.delete", found.id);
    } catch (error) {
      core.log.debug({ reason: errorText(error) }, "That services are free could not be told");
    }
  }

  async #settle(): Promise<void> {
    await new Promise<void>((resolve) => this.#options.clock.after(SETTLE_MS, resolve));
    const found = await this.#read();
    if (found === undefined || !this.#isMine(found)) throw taken(found);
  }

  #beatLater(): void {
    this.#cancel = this.#options.clock.after(BEAT_MS, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    try {
      const found = await this.#read();
      if (!this.#isHeld) return;
      if (found !== undefined && !this.#isMine(found)) {
        this.#isHeld = false;
        this.#options.onLost(taken(found).message);
        return;
      }
      await this.#write(found);
    } catch (error) {
      this.#options.core.log.debug({ reason: errorText(error) }, "That this house lives could not be told");
    }
    if (this.#isHeld) this.#beatLater();
  }

  #isMine({ house }: Claimed): boolean {
    return house === this.#options.claimant.house;
  }

  #isGone({ beat }: Claimed): boolean {
    const now = this.#options.clock.elapsed();
    if (this.#other?.beat !== beat) this.#other = { beat, since: now };
    return now - this.#other.since >= GONE_MS;
  }

  /** The oldest counts, should there be several. Anybody may write such a document: those of oneadmin alone are believed. */
  async #read(): Promise<Claimed | undefined> {
    const node = await this.#options.core.readTree(SYSTEM, LIST, ...EVERYTHING, DOCUMENT_TYPE);
    return nodesAt(node, "DOCUMENT")
      .filter((one) => textAt(one, "UID") === String(SYSTEM.uid) && textAt(one, "NAME") === NAME)
      .map((one) => ({
        id: numberAt(one, "ID"),
        house: textAt(one, "TEMPLATE/HOUSE"),
        machine: textAt(one, "TEMPLATE/MACHINE"),
        beat: textAt(one, "TEMPLATE/BEAT"),
      }))
      .toSorted((one, other) => one.id - other.id)[0];
  }

  async #write(found: Claimed | undefined): Promise<void> {
    const { core, claimant, newBeat } = this.#options;
    const text = templateText({ HOUSE: claimant.house, MACHINE: claimant.machine, BEAT: newBeat() });
    if (found !== undefined) await core.write(SYSTEM, "one.document.update", found.id, text, 0);
    else
      await core.make(SYSTEM, "one.document.allocate", `${templateText({ NAME })}\n${text}`, DOCUMENT_TYPE);
  }
}

function taken(by: Claimed | undefined): GatehouseError {
  const where = by === undefined ? "" : ` on ${by.machine || "another machine"} (house ${by.house})`;
  return new GatehouseError(
    "unavailable",
    `Another Gatehouse${where} does the services of this OpenNebula; two would make every VM twice. Turn OneFlow off in one of them, or end the other.`,
  );
}
