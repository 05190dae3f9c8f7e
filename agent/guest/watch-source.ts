/**
 * What `onegate watch` looks at: each call of `next` asks OneGate once, with the ETag it knows, and lets it hold the
 * answer until something changes. A path that is not there is waited for on its document, since what is missing has no
 * ETag. Servers without ETags are asked again and again; those without paths are asked for the document.
 */

import { parseAnswer } from "./answer.ts";
import { RefusedError } from "./client.ts";
import { encodedPath, knowsNoPaths, valueOfPath } from "./document-path.ts";
import type { GateAnswer, Transport } from "./transport.ts";

/** One look. `held`: the server waits for changes by itself, so the next look may follow at once. */
export interface Look {
  readonly state: Seen;
  readonly held: boolean;
}

export type Seen =
  /** As the last look saw it. */
  | { readonly kind: "same" }
  /** The path leads to nothing now. */
  | { readonly kind: "absent" }
  /** `isText`: a bare value, not JSON. */
  | { readonly kind: "present"; readonly text: string; readonly isText: boolean };

export interface SourceOptions {
  readonly transport: Transport;
  /** `/vm`, `/vms/9` or `/service`, and its query. */
  readonly document: string;
  readonly query: Readonly<Record<string, string>>;
  /** Below the document; empty for all of it. */
  readonly segments: readonly string[];
  readonly waitS: number;
  readonly stop: AbortSignal;
}

export class WatchSource {
  readonly #options: SourceOptions;
  /** By path; cleared to ask anew. */
  readonly #etags = new Map<string, string>();
  /** Where the value is asked for: at its path, or in the document, by servers that know no paths. */
  #looksInDocument = false;
  #isAbsent = false;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /** @throws RefusedError, LostError */
  async next(): Promise<Look> {
    const { document, segments } = this.#options;
    if (segments.length === 0) return this.#seen(await this.#ask(document), document);
    if (this.#looksInDocument) return this.#seenIn(await this.#ask(document), document);
    return this.#isAbsent ? await this.#nextAppearance() : await this.#nextValue();
  }

  async #nextValue(): Promise<Look> {
    const { document, segments } = this.#options;
    const path = document + encodedPath(segments);
    try {
      return this.#seen(await this.#ask(path), path);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#looksInDocument = knowsNoPaths(error);
      if (this.#looksInDocument) return { state: { kind: "same" }, held: true };
      if (error.status !== 404) throw error;
      this.#isAbsent = true;
      this.#etags.clear();
      return { state: { kind: "absent" }, held: true };
    }
  }

  /** The document's ETag is taken before the path is looked at again, so nothing that appears between is missed. */
  async #nextAppearance(): Promise<Look> {
    const { document } = this.#options;
    const answer = await this.#ask(document);
    if (answer.status === 304) return { state: { kind: "same" }, held: true };
    this.#isAbsent = false;
    const etag = this.#etags.get(document);
    const look = await this.#nextValue();
    if (this.#isAbsent && etag !== undefined) this.#etags.set(document, etag);
    return { ...look, held: etag !== undefined };
  }

  #seen(answer: GateAnswer, path: string): Look {
    const held = this.#etags.has(path);
    if (answer.status === 304) return { state: { kind: "same" }, held };
    const isText = (answer.headers["content-type"] ?? "").startsWith("text/");
    return { state: { kind: "present", text: answer.body, isText }, held };
  }

  #seenIn(answer: GateAnswer, path: string): Look {
    const { segments } = this.#options;
    const look = this.#seen(answer, path);
    if (look.state.kind !== "present") return look;
    const found = valueOfPath(parseAnswer(answer.body), segments);
    if (found === undefined) return { ...look, state: { kind: "absent" } };
    return { ...look, state: { kind: "present", ...found } };
  }

  async #ask(path: string): Promise<GateAnswer> {
    const { transport, query, waitS, stop } = this.#options;
    const known = this.#etags.get(path);
    const parameters = new URLSearchParams(query);
    if (known !== undefined) parameters.set("wait", String(waitS));
    const search = parameters.toString();
    const asked = search === "" ? path : `${path}?${search}`;
    const headers = known === undefined ? {} : { "If-None-Match": known };
    const answer = await transport({ method: "GET", path: asked, headers }, stop);
    if (answer.status !== 304 && (answer.status < 200 || answer.status > 299)) throw new RefusedError(answer);
    const etag = answer.headers.etag;
    if (etag !== undefined) this.#etags.set(path, etag);
    else if (answer.status !== 304) this.#etags.delete(path);
    return answer;
  }
}
