/**
 * Reads the variables of a file that a shell would source (context.sh, one_env) without running any of it: quotes and
 * escapes are undone, `$` and backquotes stay what they are, and whatever is not an assignment is passed over.
 */

/** Names and values, as shell variables. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** `K='V'`, `export K="V"`, `declare -x K=$'V'`. */
const ASSIGNMENT =
  /[ \t]*(?:(?:export|readonly|declare|typeset)[ \t]+(?:-[A-Za-z]+[ \t]+)*)?([A-Za-z_]\w*)=/y;

const ENDS_WORD = /[\s;&|<>()]/;

const ANSI_ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  v: "\v",
};

/** The assignments of a text; of a name assigned twice the last. A value whose quote is never closed is not taken. */
export function parseAssignments(text: string): Variables {
  const found = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    ASSIGNMENT.lastIndex = at;
    const name = ASSIGNMENT.exec(text)?.[1];
    const word = name === undefined ? undefined : readWord(text, ASSIGNMENT.lastIndex);
    if (name === undefined || word === undefined) {
      const newline = text.indexOf("\n", at);
      at = newline < 0 ? text.length : newline + 1;
      continue;
    }
    found.set(name, word.value);
    at = word.end;
    while (/[\s;]/.test(text.charAt(at))) at += 1;
  }
  return Object.fromEntries(found);
}

interface Word {
  readonly value: string;
  readonly end: number;
}

/** One shell word: quoted and unquoted pieces side by side. */
function readWord(text: string, start: number): Word | undefined {
  const pieces: string[] = [];
  let at = start;
  while (at < text.length && !ENDS_WORD.test(text.charAt(at))) {
    const piece = readPiece(text, at);
    if (piece === undefined) return undefined;
    pieces.push(piece.value);
    at = piece.end;
  }
  return { value: pieces.join(""), end: at };
}

function readPiece(text: string, at: number): Word | undefined {
  const here = text.charAt(at);
  if (here === "'") {
    const end = text.indexOf("'", at + 1);
    return end < 0 ? undefined : { value: text.slice(at + 1, end), end: end + 1 };
  }
  if (here === '"') return readQuoted(text, at + 1, '"', unescapeDouble);
  if (text.startsWith("$'", at)) return readQuoted(text, at + 2, "'", unescapeAnsi);
  if (here === "\\") {
    const escaped = text.charAt(at + 1);
    return { value: escaped === "\n" ? "" : escaped, end: at + 2 };
  }
  return { value: here, end: at + 1 };
}

function readQuoted(
  text: string,
  from: number,
  quote: string,
  undo: (inside: string) => string,
): Word | undefined {
  for (let at = from; at < text.length; at += 1) {
    if (text.charAt(at) === "\\") at += 1;
    else if (text.charAt(at) === quote) return { value: undo(text.slice(from, at)), end: at + 1 };
  }
  return undefined;
}

function unescapeDouble(inside: string): string {
  return inside.replace(/\\([$`"\\\n])/g, (_, escaped: string) => (escaped === "\n" ? "" : escaped));
}

function unescapeAnsi(inside: string): string {
  return inside.replace(
    /\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|([\s\S]))/g,
    (_, hex, octal, letter: string) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      return ANSI_ESCAPES[letter] ?? letter;
    },
  );
}
