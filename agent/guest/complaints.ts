/** A quiet log: what goes wrong is said once, however often it happens, and its end once. */

export class Complaints {
  readonly #say: (line: string) => void;
  readonly #open = new Set<string>();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Something is wrong with `about`; said unless something has been wrong with it since it was last right. */
  open(about: string, text: string): void {
    if (this.#open.has(about)) return;
    this.#open.add(about);
    this.#say(text);
  }

  /** It is over; said if it was wrong. */
  close(about: string, text: string): void {
    if (this.#open.delete(about)) this.#say(text);
  }

  /** Nothing is left to complain of about others than these: forgotten without a word. */
  keepOnly(about: ReadonlySet<string>): void {
    for (const name of this.#open) if (!about.has(name)) this.#open.delete(name);
  }
}
