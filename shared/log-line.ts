/** A log record for a person's eyes: `12:00:00.000 INFO  message key=value`, on one line and free of control bytes. */

/** Turns one JSON line of the log into text; what is not such a line passes with its control bytes escaped. */
export function prettyLine(json: string): string {
  const record = parseRecord(json);
  if (record === undefined) return `${printable(json.trimEnd())}\n`;
  const { time, level, msg, ...details } = record;
  const clockTime = typeof time === "string" ? time.slice(11, 23) : "";
  const label = typeof level === "string" ? level.toUpperCase().padEnd(5) : "";
  const text = typeof msg === "string" ? printable(msg) : "";
  const pairs = Object.entries(details).map(([name, value]) => `${printable(name)}=${valueText(value)}`);
  return `${[clockTime, label, text, ...pairs].join(" ")}\n`;
}

function parseRecord(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value));
  } catch {
    return undefined;
  }
}

function valueText(value: unknown): string {
  if (typeof value === "string" && /^[\w./:@+-]+$/.test(value)) return value;
  return printable(JSON.stringify(value));
}

/** A guest may name itself with escape sequences or turned text: they must not reach the operator's terminal. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
