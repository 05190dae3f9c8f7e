/**
 * What a VM's token may do. A route names the scope it takes; the frame asks the guest's grants for it.
 *
 * A template says it in its CONTEXT, which the guest reads and cannot write:
 *
 *     CONTEXT = [ TOKEN = "YES", ONEGATE_SCOPE = "self:read self:write service:read action:resume" ]
 *
 * Exactly what is listed is granted; the word `default` stands for what a VM without the attribute has.
 */

/** Of itself, of its service and its peers, of its router. */
export const SCOPES = [
  "self:read",
  "self:write",
  "service:read",
  "peers:write",
  "service:scale",
  "router:read",
  "identity",
] as const;

export type Scope = (typeof SCOPES)[number];

export type Profile = "open" | "hardened";

/** What the hardened profile leaves on: nothing here takes a VM down, loses its data or gives it away. */
const HARMLESS_ACTIONS = [
  "hold",
  "release",
  "resume",
  "resched",
  "unresched",
  "deploy",
  "rename",
  "attachnic",
  "snapshot_create",
];

const ACTION = /^action:([a-z][a-z0-9_-]{0,63}|\*)$/;

const MAX_SCOPE_LENGTH = 4_096;

/** What is granted. */
export class Grants {
  readonly #scopes: ReadonlySet<string>;
  readonly #actions: ReadonlySet<string>;
  /** For a refusal's sentence, and for session tokens: `self:read service:read action:resume`. */
  readonly text: string;

  constructor(scopes: ReadonlySet<string>, actions: ReadonlySet<string>) {
    this.#scopes = scopes;
    this.#actions = actions;
    const words = [...scopes, ...[...actions].map((name) => `action:${name}`)];
    this.text = words.length === 0 ? "nothing" : words.join(" ");
  }

  allows(scope: Scope): boolean {
    return this.#scopes.has(scope);
  }

  /** By an action's one name (`Prepared.canonicalName`): `terminate-hard`. */
  allowsAction(canonicalName: string): boolean {
    return this.#actions.has("*") || this.#actions.has(canonicalName);
  }

  isEmpty(): boolean {
    return this.#scopes.size === 0 && this.#actions.size === 0;
  }

  /** What both grant. */
  narrowedTo(other: Grants): Grants {
    const scopes = this.#scopes.intersection(other.#scopes);
    if (this.#actions.has("*")) return new Grants(scopes, other.#actions);
    if (other.#actions.has("*")) return new Grants(scopes, this.#actions);
    return new Grants(scopes, this.#actions.intersection(other.#actions));
  }

  /** True when `other` grants all that this one does. */
  isWithin(other: Grants): boolean {
    const actions = other.#actions.has("*") || this.#actions.isSubsetOf(other.#actions);
    return this.#scopes.isSubsetOf(other.#scopes) && actions;
  }
}

/** What a VM has whose template says nothing. */
export const DEFAULT_GRANTS: Readonly<Record<Profile, Grants>> = {
  // As the original has it.
  open: new Grants(new Set(SCOPES), new Set(["*"])),
  hardened: new Grants(new Set(SCOPES), new Set(HARMLESS_ACTIONS)),
};

export interface ParsedScopes {
  readonly grants: Grants;
  /** Words that mean nothing; they grant nothing. */
  readonly unknown: readonly string[];
}

/** Reads words separated by blanks or commas. Text that is too long grants nothing. */
export function parseScopes(text: string, profile: Profile): ParsedScopes {
  if (text.length > MAX_SCOPE_LENGTH) return { grants: new Grants(new Set(), new Set()), unknown: ["..."] };
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  const plain = words.flatMap((word) =>
    word === "default" ? DEFAULT_GRANTS[profile].text.split(" ") : word,
  );
  const scopes = plain.filter((word) => SCOPES.some((scope) => scope === word));
  const actions = plain.flatMap((word) => ACTION.exec(word)?.[1] ?? []);
  const unknown = plain.filter((word) => !scopes.includes(word) && !ACTION.test(word));
  return { grants: new Grants(new Set(scopes), new Set(actions)), unknown };
}
