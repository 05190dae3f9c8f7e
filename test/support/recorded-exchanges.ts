/** Exchanges that were recorded from a real server, as the fixtures hold them: one JSON object a line. */

import { readFileSync } from "node:fs";
import { z } from "zod";

const exchangeSchema = z.object({
  name: z.string(),
  request: z.object({
    method: z.string(),
    path: z.string(),
    headers: z.record(z.string(), z.string()),
    body: z.string().nullable(),
  }),
  response: z.object({
    status: z.int(),
    headers: z.array(z.tuple([z.string(), z.string()])),
    body: z.string(),
  }),
});

export type Exchange = z.output<typeof exchangeSchema>;

/** @param fixture a file's name in test/fixtures */
export function recordedIn(fixture: string): readonly Exchange[] {
  return readFileSync(new URL(`../fixtures/${fixture}`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => exchangeSchema.parse(JSON.parse(line)));
}
