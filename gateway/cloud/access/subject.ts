/** The subject of a certificate as OpenNebula keeps it: `/C=ES/O=ONE/CN=server`, in the certificate's order, without blanks. */

import type { X509Certificate } from "node:crypto";

/** Node prints a part a line, a character that RFC 2253 escapes behind a backslash, and control characters as hex digits. */
const ESCAPED = /\\([0-9A-F]{2}|.)/gs;
const PRINTABLE = /[!-~]/;

/** What OpenSSL cannot print is told as `\xC3`, byte by byte, as Ruby tells it. */
export function subjectOf({ subject }: Pick<X509Certificate, "subject">): string {
  return subject
    .split("\n")
    .map((part) => `/${[...Buffer.from(unescaped(part))].map(shown).join("")}`)
    .join("");
}

/** The form in which a password of driver x509 or server_x509 is compared: the core takes blanks out of it. */
export function withoutBlanks(subject: string): string {
  return subject.replaceAll(" ", "");
}

/** OpenSSL 3 writes a backslash before what would begin another part. */
function unescaped(part: string): string {
  return part.replaceAll("/", "\\/").replaceAll(ESCAPED, (whole, escaped: string) => {
    if (escaped.length === 2) return String.fromCharCode(Number.parseInt(escaped, 16));
    return escaped === "+" || escaped === "/" ? whole : escaped;
  });
}

function shown(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === " ") return "";
  if (PRINTABLE.test(character)) return character;
  return `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
