/** Turns a catalogue of codes into a function from code to name: what every catalogue of states shares. */

/**
 * The names of a catalogue, by code. A code that no release we know has is told as `UNKNOWN_<KIND>_<code>`, so that
 * logs and commands stay readable beside a newer OpenNebula; no real name has that form.
 */
export function nameOf(codes: Readonly<Record<string, number>>, kind: string): (code: number) => string {
  const names = new Map(Object.entries(codes).map(([name, code]) => [code, name]));
  return (code) => names.get(code) ?? `UNKNOWN_${kind}_${code}`;
}
