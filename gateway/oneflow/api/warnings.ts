/** What is told of a template that was taken with attributes that nobody reads. */

import { asJson, type ServiceBody, type ServiceTemplateBody } from "../model.ts";
import { unknownAttributes, warningOf } from "../schema/known-attributes.ts";

export function warningsOf(body: ServiceBody | ServiceTemplateBody): readonly string[] {
  return unknownAttributes(asJson(body)).map(warningOf);
}
