/** Bodies of the admin socket, as values. */

import type { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";

/** @throws GatehouseError `bad_request` without the body, which may hold secrets. */
export function parsedRequest<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new GatehouseError("bad_request", "The admin socket was sent something else than it expects.", {
      cause,
    });
  }
}
