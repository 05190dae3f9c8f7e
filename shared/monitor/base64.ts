/** Base64 that is refused, not guessed at, where it is wrong; and bytes that must be text. */

import { isUtf8 } from "node:buffer";

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes, or undefined when `text` is not standard base64 with its padding, on one line. */
export function decodeBase64(text: string): Buffer | undefined {
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  return Buffer.from(text, "base64");
}

/** As decodeBase64, but line breaks and blanks inside are passed over, as encoders that fold lines leave them. */
export function decodeFoldedBase64(text: string): Buffer | undefined {
  return decodeBase64(/\s/.test(text) ? text.replace(/\s+/g, "") : text);
}

/** The text, or undefined when the bytes are not valid UTF-8 or hold a NUL, which no template may. */
export function decodeText(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes) || bytes.includes(0)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}
