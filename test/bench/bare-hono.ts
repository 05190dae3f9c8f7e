/**
 * The baseline: a Hono route on the same server adapter that returns given bytes without looking at the request.
 * Reads `{ path: body }` as JSON from standard input, and prints its URL.
 */

import { text } from "node:stream/consumers";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const bodies: Readonly<Record<string, string>> = JSON.parse(await text(process.stdin));
const app = new Hono();
const headers = { "Content-Type": "application/json;charset=utf-8", "X-Content-Type-Options": "nosniff" };
for (const [path, body] of Object.entries(bodies)) app.get(path, (c) => c.body(body, 200, headers));
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, (address) => {
  process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
