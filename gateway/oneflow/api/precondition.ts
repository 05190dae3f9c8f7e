/** `If-Match` of a document that is read, and then written. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Document } from "../../cloud/model.ts";
import { preconditionOf } from "../../http/precondition.ts";
import type { FlowDocuments } from "./documents.ts";
import type { FlowRequest } from "./request.ts";

/** @throws GatehouseError `precondition_failed` when the writer names another tag than the document has */
export function requirePrecondition(
  request: FlowRequest,
  documents: FlowDocuments,
  document: Document,
): void {
  const holds = preconditionOf(request);
  if (holds === undefined || holds(documents.etag(document))) return;
  throw new GatehouseError(
    "precondition_failed",
    `Document ${document.id} is not as If-Match has it: read it again, and send the ETag it has now.`,
  );
}

/** A condition that nobody looks at would be taken for one that held. @throws GatehouseError `bad_request`. */
export function refuseCondition(request: FlowRequest): void {
  if (request.header("if-match") === undefined) return;
  throw new GatehouseError(
    "bad_request",
    "If-Match is taken on PUT and DELETE of a service or service template only; send this request without it.",
  );
}
