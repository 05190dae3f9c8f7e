/** Keeps tokens out of what is told of a request: guests put them into paths, names and bodies, which sentences quote. */

import type { RequestNote, RequestSeen } from "./observer.ts";

export const TOKEN_MASK = "[token]";

/** Of the shortest token, a classic one. */
const MIN_TOKEN_LENGTH = 24;
const MAX_CLASSIC_LENGTH = 44;

/** Sentences cut what they quote, and a slash in a token parts a path; fewer characters of it tell nothing. */
const MIN_PART_LENGTH = 8;

/** Session and identity tokens: a JOSE header in base64url, and at least one part after it. */
const JOSE = /(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*)+/g;

/** Classic tokens: one block or two of AES, in either base64. */
const CLASSIC = /[\w+/-]{43}=(?!=)|[\w+/-]{22}==/g;

/** A character as URLs write it, however many times over, and a slash as JSON may. */
const ENCODED = /%(?:25)*([2-7][0-9a-f])|\\(?=\/)/gi;

/** `token` is what the request itself showed. The same request when there is nothing to hide. */
export function withoutTokens(request: RequestSeen, token: string | undefined): RequestSeen {
  const { path, note, refusal } = request;
  if (path.length < MIN_TOKEN_LENGTH && note === undefined && refusal === undefined) return request;
  return {
    ...request,
    path: maskTokens(path, token),
    note: note === undefined ? undefined : maskNote(note, token),
    refusal: refusal === undefined ? undefined : maskTokens(refusal, token),
  };
}

/** A text without this token and without whatever looks like one; a text that hides one by encoding it is decoded. */
export function maskTokens(text: string, token: string | undefined): string {
  const own = token !== undefined && isTokenShaped(token) ? token : undefined;
  const plain = /[%\\]/.test(text) ? decoded(text) : text;
  const masked = mask(plain, own);
  return masked === plain ? text : masked;
}

function decoded(text: string): string {
  return text.replace(ENCODED, (_, hex: string | undefined) =>
    hex === undefined ? "" : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function maskNote({ what, target, details }: RequestNote, token: string | undefined): RequestNote {
  return {
    what,
    target: target === undefined ? undefined : maskTokens(target, token),
    details: details?.map((detail) => maskTokens(detail, token)),
  };
}

/** Whoever shows as a token what is none must not thereby take words out of the audit. */
function isTokenShaped(text: string): boolean {
  return isClassic(text) || text.replace(JOSE, "") === "";
}

function isClassic(text: string): boolean {
  return text.length <= MAX_CLASSIC_LENGTH && text.replace(CLASSIC, "") === "";
}

function mask(text: string, own: string | undefined): string {
  const rest = own === undefined ? text : withoutOwn(text, own);
  if (rest.length < MIN_TOKEN_LENGTH) return rest;
  return rest.replace(JOSE, TOKEN_MASK).replace(CLASSIC, TOKEN_MASK);
}

/** Of a session token, what is cut off proves nothing. */
function withoutOwn(text: string, own: string): string {
  return isClassic(own) ? withoutParts(text, own) : text.replaceAll(own, TOKEN_MASK);
}

function withoutParts(text: string, own: string): string {
  let masked = "";
  let start = 0;
  while (start < text.length) {
    let end = start + MIN_PART_LENGTH;
    if (end > text.length || !own.includes(text.slice(start, end))) {
      masked += text[start];
      start += 1;
      continue;
    }
    while (end < text.length && own.includes(text.slice(start, end + 1))) end += 1;
    masked += TOKEN_MASK;
    start = end;
  }
  return masked;
}
