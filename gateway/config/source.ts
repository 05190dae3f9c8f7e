/** What every source of configuration yields: settings with their origin, and what was wrong or worth telling. */

/** One value for one setting, and where it stands: `gatehouse.yaml line 3`, `GATEHOUSE_ONEGATE_PORT`, `--home`. */
export interface Setting {
  readonly path: string;
  readonly value: unknown;
  readonly origin: string;
}

export interface Source {
  readonly settings: readonly Setting[];
  /** Sentences; any one of them keeps the house from starting. */
  readonly faults: readonly string[];
  /** Sentences for `gatehouse check`. */
  readonly notes: readonly string[];
}

export const EMPTY_SOURCE: Source = { settings: [], faults: [], notes: [] };

const MAX_SHOWN_LENGTH = 80;

/** A value as it may stand in an error text: JSON, cut. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}
