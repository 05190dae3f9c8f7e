/** A terminal taken for pages that replace one another, and given back as it was. */

import type { PageSize } from "./page.ts";

/** The part of a terminal that a screen needs; `process.stdin` and `process.stdout` behind `context.ts`. */
export interface Terminal {
  size(): PageSize;
  write(text: string): void;
  /** Keys unbuffered and unseen, or as before. */
  raw(on: boolean): void;
  /** The returned function ends it. */
  onKeys(listener: (keys: string) => void): () => void;
  onResize(listener: () => void): () => void;
  /** Told when the process is to end otherwise: SIGTERM, SIGHUP, SIGINT from elsewhere. */
  onStop(listener: () => void): () => void;
}

export interface Screen {
  /** True, once somebody wants it to end. */
  readonly ended: Promise<true>;
  size(): PageSize;
  draw(lines: readonly string[]): void;
  onResize(listener: () => void): void;
  close(): void;
}

/** ECMA-48 and xterm: the other screen, the cursor, and clearing what was there. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

/** q, Q, Ctrl-C and Ctrl-D; in raw mode the terminal makes no signals of them. */
const END_KEYS = ["q", "Q", "\x03", "\x04"] as const;

export function openScreen(terminal: Terminal): Screen {
  const { promise: ended, resolve } = Promise.withResolvers<true>();
  const end = (): void => resolve(true);
  const undo = [
    terminal.onKeys((keys) => {
      if (END_KEYS.some((key) => keys.includes(key))) end();
    }),
    terminal.onStop(end),
  ];
  terminal.raw(true);
  terminal.write(ENTER);
  return {
    ended,
    size: () => terminal.size(),
    draw(lines) {
      // Line by line over what stands there: clearing the screen first would flicker.
      const text = lines.map((line) => `${CLEAR_LINE}${line}`).join("\r\n");
      terminal.write(`${HOME}${text}${lines.length < terminal.size().rows ? `\r\n${CLEAR_BELOW}` : ""}`);
    },
    onResize: (listener) => void undo.push(terminal.onResize(listener)),
    close() {
      for (const step of undo.splice(0)) step();
      terminal.write(LEAVE);
      terminal.raw(false);
    },
  };
}
