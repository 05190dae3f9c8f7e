/** The process's own terminal, where both its input and its output are one. */

import { isatty } from "node:tty";
import type { Terminal } from "./screen.ts";

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Undefined when the output goes elsewhere, or nobody can press a key. */
export function processTerminal(): Terminal | undefined {
  if (!isatty(0) || !isatty(1) || process.env.TERM === "dumb") return undefined;
  // Opened only here: commands that read no keys leave the input alone.
  const { stdin, stdout } = process;
  return {
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    write: (text) => void stdout.write(text),
    raw(on) {
      stdin.setRawMode(on);
      if (on) stdin.resume();
      else stdin.pause();
    },
    onKeys(listener) {
      const hear = (keys: Buffer): void => listener(keys.toString("latin1"));
      stdin.on("data", hear);
      return () => void stdin.off("data", hear);
    },
    onResize(listener) {
      stdout.on("resize", listener);
      return () => void stdout.off("resize", listener);
    },
    onStop(listener) {
      for (const signal of STOP_SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of STOP_SIGNALS) process.off(signal, listener);
      };
    },
  };
}
