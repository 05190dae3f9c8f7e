/** A terminal of the test's own: what is written to it is kept, and keys are pressed on it. */

import type { Terminal } from "../../gateway/cli/top/screen.ts";

export interface FakeTerminal extends Terminal {
  /** All that was written. */
  text(): string;
  press(keys: string): void;
  /** Raw mode, now. */
  isRaw(): boolean;
}

export function fakeTerminal(columns = 80, rows = 24): FakeTerminal {
  const written: string[] = [];
  const listeners = new Set<(keys: string) => void>();
  let raw = false;
  return {
    size: () => ({ columns, rows }),
    write: (text) => void written.push(text),
    raw(on) {
      raw = on;
    },
    onKeys(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onResize: () => () => {},
    onStop: () => () => {},
    text: () => written.join(""),
    press(keys) {
      for (const listener of listeners) listener(keys);
    },
    isRaw: () => raw,
  };
}
