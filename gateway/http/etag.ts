/** Entity tags: of a body's bytes alone, so that they outlive a restart and are the same on every gateway. */

import { hash } from "node:crypto";

/** Strong (RFC 9110, 8.8.3). 120 bits of SHA-256 in base64url, quoted. */
export function etagOf(body: string): string {
  return `"${hash("sha256", body, "base64url").slice(0, 20)}"`;
}

/** If-None-Match's comparison: weak, so `W/"x"` is `"x"` (RFC 9110, 13.1.2). */
export function matchesAny(header: string, etag: string): boolean {
  return header === etag || header.trim() === "*" || tagsOf(header).some((tag) => tag === etag);
}

/** If-Match's comparison: strong, so a weak tag matches nothing (RFC 9110, 13.1.1). */
export function matchesStrongly(header: string, etag: string): boolean {
  if (header === etag || header.trim() === "*") return true;
  return header.split(",").some((tag) => tag.trim() === etag);
}

/** No tag of ours holds a comma, so a foreign one that does can only fail to match. */
function tagsOf(header: string): readonly string[] {
  return header.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
}
