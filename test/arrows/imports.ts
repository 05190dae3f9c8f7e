/** Every way a TypeScript file names another: import, export-from, import(), import types, new URL(), import.meta.resolve(). */

import { type Token, tokenize } from "./tokens.ts";

export interface ImportedName {
  /** As written; undefined when it is computed, so that nobody can tell where it leads. */
  readonly specifier: string | undefined;
  readonly line: number;
}

/** What a file imports, in the order of the text; types count, since they are arrows too. */
export function importsOf(source: string): readonly ImportedName[] {
  const tokens = tokenize(source);
  const found: ImportedName[] = [];
  tokens.forEach((token, at) => {
    if (token.kind !== "word" || tokens[at - 1]?.text === ".") return;
    const name = token.text === "new" ? urlAt(tokens, at) : moduleAt(tokens, at);
    if (name !== undefined) found.push(name);
  });
  return found;
}

function moduleAt(tokens: readonly Token[], at: number): ImportedName | undefined {
  const word = tokens[at]?.text;
  if (word !== "import" && word !== "export") return undefined;
  const next = tokens[at + 1];
  if (word === "import" && next?.kind === "string") return { specifier: next.text, line: next.line };
  if (word === "import" && next?.text === "(") return argumentAt(tokens, at + 2);
  if (word === "import" && marks(tokens, at + 1, [".", "meta", ".", "resolve", "("])) {
    return argumentAt(tokens, at + 6);
  }
  return fromClause(tokens, at + 1);
}

/** `{ a as b, type C } from "x"`: only names, braces, commas and stars stand before `from`. */
function fromClause(tokens: readonly Token[], start: number): ImportedName | undefined {
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at];
    const next = tokens[at + 1];
    if (token === undefined) return undefined;
    if (token.kind === "word" && token.text === "from" && next?.kind === "string") {
      return { specifier: next.text, line: next.line };
    }
    if (token.kind === "mark" && !["{", "}", ",", "*"].includes(token.text)) return undefined;
  }
  return undefined;
}

/** `new URL("./x.ts", import.meta.url)`; other URLs name no file of the house. */
function urlAt(tokens: readonly Token[], at: number): ImportedName | undefined {
  if (!marks(tokens, at + 1, ["URL", "("])) return undefined;
  const specifier = tokens[at + 3];
  if (specifier?.kind !== "string") return undefined;
  return marks(tokens, at + 4, [",", "import", ".", "meta", ".", "url"])
    ? { specifier: specifier.text, line: specifier.line }
    : undefined;
}

function argumentAt(tokens: readonly Token[], at: number): ImportedName {
  const argument = tokens[at];
  const alone = [")", ","].includes(tokens[at + 1]?.text ?? "");
  const literal = argument?.kind === "string" && alone;
  return { specifier: literal ? argument.text : undefined, line: argument?.line ?? 1 };
}

function marks(tokens: readonly Token[], at: number, texts: readonly string[]): boolean {
  return texts.every((text, offset) => {
    const token = tokens[at + offset];
    return token !== undefined && token.kind !== "string" && token.text === text;
  });
}
