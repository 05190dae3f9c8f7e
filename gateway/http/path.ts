/** The path that routes are looked up by. */

import { getPath } from "hono/utils/url";

/** `//vm` is /vm, since clients join a base that ends in a slash; `/vm/` is nothing (both recorded). */
export function squeezedPath(request: Request): string {
  const path = getPath(request);
  return path.includes("//") ? path.replace(/\/{2,}/g, "/") : path;
}
