/**
 * Quoted values. A run of backslashes is literal unless it stands directly before a quote: then each pair is one
 * backslash, and an odd one escapes the quote. So core's `"a \"q\" \\ b"` is `a "q" \\ b`, and still every string
 * can be written (core itself has no way to end a value with a backslash).
 */

const BACKSLASH = 92;

/** One quoted value that reads back as `value`. */
export function printValue(value: string): string {
  // Each run of backslashes is one match, so the work is linear however long it is.
  const escaped = value.replace(/\\*"|\\+/g, (run, offset: number) => {
    if (run.endsWith('"')) return `${double(run.slice(0, -1))}\\"`;
    return offset + run.length === value.length ? double(run) : run;
  });
  return `"${escaped}"`;
}

/** Where the quote stands that closes a value whose inside begins at `from`; -1 when it is never closed. */
export function findClosingQuote(text: string, from: number): number {
  let quote = text.indexOf('"', from);
  while (quote >= 0 && backslashesBefore(text, quote, from) % 2 === 1) quote = text.indexOf('"', quote + 1);
  return quote;
}

/** The value whose printed form, without its quotes, is `inside`. */
export function unescapeValue(inside: string): string {
  if (!inside.includes("\\")) return inside;
  return inside.replace(/\\*"|\\+/g, (run, offset: number) => {
    if (run.endsWith('"')) return `${halve(run.slice(0, -1))}"`;
    return offset + run.length === inside.length ? halve(run) : run;
  });
}

function backslashesBefore(text: string, index: number, from: number): number {
  let first = index;
  while (first > from && text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return index - first;
}

function double(run: string): string {
  return run + run;
}

function halve(run: string): string {
  return run.slice(0, Math.floor(run.length / 2));
}
