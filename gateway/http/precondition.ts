/** `If-Match`: a write that must not pass over what its writer has not seen (RFC 9110, 13.1.1). */

import { GatehouseError } from "../../shared/errors.ts";
import { matchesStrongly } from "./etag.ts";

/** A request as far as its headers are needed, by lower-case name. */
export interface Headed {
  header(name: string): string | undefined;
}

/**
 * Whether a document's ETag is one that the writer names; undefined when the writer names none. Of a document that is
 * there, `*` is always true.
 */
export function preconditionOf(request: Headed): ((etag: string) => boolean) | undefined {
  const wanted = request.header("if-match");
  return wanted === undefined ? undefined : (etag) => matchesStrongly(wanted, etag);
}

/** A condition that nobody looks at would be taken for one that held. @throws GatehouseError `bad_request`. */
export function refuseCondition(request: Headed): void {
  if (request.header("if-match") === undefined) return;
  throw new GatehouseError("bad_request", "If-Match is taken on PUT only; send a POST without it.");
}
