/**
 * Cuts TypeScript source into the few tokens that finding imports needs. Comments, regular expressions and the
 * text of template literals yield nothing, so an import written inside them is none.
 */

export interface Token {
  readonly kind: "word" | "string" | "mark";
  /** The word, the string's content without its quotes, or one punctuation character. */
  readonly text: string;
  readonly line: number;
}

/** After these words a slash begins a regular expression, not a division. */
const BEFORE_EXPRESSION = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "delete",
  "void",
  "throw",
  "new",
  "else",
  "do",
  "await",
  "yield",
]);

const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /\.?\d[\w.]*/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** The text of a template literal, up to its end or its next `${`. */
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{|$)/y;

export function tokenize(source: string): readonly Token[] {
  return new Tokenizer(source).run();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  /** Open braces; true for those that belong to a template literal's `${`. */
  readonly #braces: boolean[] = [];
  #at = 0;
  #line = 1;

  constructor(source: string) {
    this.#source = source;
  }

  run(): readonly Token[] {
    while (this.#at < this.#source.length) this.#step();
    return this.#tokens;
  }

  #step(): void {
    if (this.#take(COMMENT) !== undefined) return;
    if (this.#regexMayStart() && this.#take(REGEX) !== undefined) {
      this.#push("mark", "regex");
      return;
    }
    const line = this.#line;
    const string = this.#take(STRING);
    if (string !== undefined) {
      this.#tokens.push({ kind: "string", text: unquote(string), line });
      return;
    }
    const word = this.#take(WORD);
    if (word !== undefined) this.#push("word", word);
    else if (this.#take(NUMBER) !== undefined) this.#push("mark", "number");
    else this.#mark();
  }

  #mark(): void {
    const character = this.#source[this.#at] ?? "";
    this.#advance(1);
    const goesOnWithText = character === "`" || (character === "}" && this.#braces.pop() === true);
    if (character === "{") this.#braces.push(false);
    if (goesOnWithText) this.#template();
    else if (character.trim() !== "") this.#push("mark", character);
  }

  #template(): void {
    const line = this.#line;
    const text = this.#take(TEMPLATE_TEXT) ?? "";
    if (text.endsWith("${")) {
      this.#braces.push(true);
      this.#tokens.push({ kind: "mark", text: "template", line });
    } else {
      this.#tokens.push({ kind: "mark", text: "template end", line });
    }
  }

  #regexMayStart(): boolean {
    const previous = this.#tokens.at(-1);
    if (previous === undefined) return true;
    if (previous.kind === "word") return BEFORE_EXPRESSION.has(previous.text);
    if (previous.kind === "string") return false;
    return ![")", "]", "}", "number", "regex", "template end"].includes(previous.text);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#source)?.[0];
    if (text === undefined) return undefined;
    this.#advance(text.length);
    return text;
  }

  #advance(length: number): void {
    const end = this.#at + length;
    for (let at = this.#at; at < end; at += 1) if (this.#source[at] === "\n") this.#line += 1;
    this.#at = end;
  }

  #push(kind: "word" | "mark", text: string): void {
    this.#tokens.push({ kind, text, line: this.#line });
  }
}

function unquote(literal: string): string {
  return literal.slice(1, literal.at(-1) === literal[0] && literal.length > 1 ? -1 : undefined);
}
