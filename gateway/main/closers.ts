/** What was opened, to be closed in the opposite order, each step even when one before it fails. */

import type { Logger } from "../../shared/log.ts";

export class Closers {
  readonly #log: Logger;
  readonly #steps: { readonly name: string; readonly close: () => void | Promise<void> }[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  add(name: string, close: () => void | Promise<void>): void {
    this.#steps.push({ name, close });
  }

  /** Never rejects; what fails is logged. A second call finds nothing left to do. */
  async closeAll(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.close();
      } catch (error) {
        this.#log.error({ err: error, part: step.name }, "A part did not close properly");
      }
    }
  }
}
