/** What starts an agent speaks on its standard input: a line of JSON, or a document of XML. */

import type { Readable } from "node:stream";
import { GatehouseError } from "../../shared/errors.ts";

/** The first line; the stream stays open behind it. @throws GatehouseError `too_large`, or `bad_request` without one. */
export function readLine(input: Readable, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const finish = (settle: () => void): void => {
      input.off("data", onData);
      input.off("end", onEnd);
      settle();
    };
    const onEnd = (): void =>
      finish(() =>
        reject(new GatehouseError("bad_request", "Standard input ended before a whole line came.")),
      );
    const onData = (piece: Buffer): void => {
      held = Buffer.concat([held, piece]);
      const end = held.indexOf("\n");
      if (end >= 0) finish(() => resolve(held.toString("utf8", 0, end)));
      else if (held.length > maxBytes) finish(() => reject(tooLarge(maxBytes)));
    };
    input.on("data", onData);
    input.on("end", onEnd);
  });
}

/** All of it. @throws GatehouseError `too_large`. */
export async function readAll(input: Readable, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of input) {
    const buffer = Buffer.from(piece);
    bytes += buffer.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    pieces.push(buffer);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Calls back once the other side has closed it. */
export function onEnd(input: Readable, work: () => void): void {
  for (const event of ["end", "error", "close"]) input.once(event, work);
  if (input.readableEnded || input.destroyed) work();
  else input.resume();
}

function tooLarge(maxBytes: number): GatehouseError {
  return new GatehouseError("too_large", `Standard input holds more than the ${maxBytes} bytes allowed.`);
}
