/** Reading request bodies: bounded while they arrive, also where fetch knows none (a GET's form), and as strict text. */

import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { GatehouseError } from "../../shared/errors.ts";

/** Where a body comes from: node's request when there is one (it keeps a GET's body), else fetch's. */
export interface BodySource {
  readonly incoming: IncomingMessage | undefined;
  readonly request: Request;
  header(name: string): string | undefined;
}

/** @throws GatehouseError `too_large` as soon as the bound is passed, or announced to be; the rest stays unread. */
export async function readBody(source: BodySource, maxBytes: number): Promise<Uint8Array> {
  const encoding = source.header("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    throw new GatehouseError("bad_request", "The body must be sent as it is, without a Content-Encoding.");
  }
  const length = source.header("content-length");
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes);
  if (source.incoming !== undefined) {
    const bodyless = length === undefined && source.header("transfer-encoding") === undefined;
    return bodyless || length === "0" ? new Uint8Array() : readIncoming(source.incoming, maxBytes);
  }
  return source.request.body === null ? new Uint8Array() : readStream(source.request.body, maxBytes);
}

/** The bytes as text. @throws GatehouseError `bad_request` when they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new GatehouseError("bad_request", "The body is not valid UTF-8.");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function tooLarge(maxBytes: number): GatehouseError {
  return new GatehouseError("too_large", `The body is too large: at most ${maxBytes} bytes are taken.`);
}

function endedEarly(): GatehouseError {
  return new GatehouseError("bad_request", "The body ended before its announced length.");
}

function readIncoming(incoming: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  if (incoming.readableDidRead) throw new Error("the request body was already read");
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxBytes) return;
      incoming.pause().off("data", onData);
      reject(tooLarge(maxBytes));
    };
    const onEnd = (): void => resolve(joined(chunks));
    // It closes after every request; an error, costly to make, is due only when the end never came.
    const onClose = (): void => {
      if (!incoming.readableEnded) reject(endedEarly());
    };
    incoming.on("data", onData).on("end", onEnd).on("error", onClose).on("close", onClose);
  });
}

function joined(chunks: readonly Buffer[]): Uint8Array {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

async function readStream(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
