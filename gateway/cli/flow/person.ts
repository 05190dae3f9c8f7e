/** Whoever a command can ask: somebody at a terminal. */

export interface Person {
  /** The line that is typed, unseen where it is a secret. @throws GatehouseError `bad_request` when nothing comes. */
  ask(question: string, options?: { readonly secret?: boolean }): Promise<string>;
  /** Opens a draft in an editor. */
  edit(draft: string): Promise<EditedDraft>;
}

export interface EditedDraft {
  readonly text: string;
  /** Where it lies until it is discarded. */
  readonly file: string;
  discard(): void;
}
