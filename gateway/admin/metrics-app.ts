/** `GET /metrics`: Prometheus' text; with `?format=json` the same as JSON. */

import { Hono } from "hono";
import type { Metrics } from "./metrics.ts";

/** Without metrics it is a 404 that says where they are turned on. */
export function createMetricsApp(metrics: Metrics | undefined): Hono {
  const app = new Hono();
  app.get("/metrics", async (context) => {
    if (metrics === undefined) {
      const message = "Metrics are turned off: set admin.metrics.enabled to true.";
      return context.json({ error: { code: "not_found", message } }, 404);
    }
    if (context.req.query("format") === "json") return context.json([...(await metrics.json())]);
    return context.body(await metrics.text(), 200, { "Content-Type": metrics.contentType });
  });
  return app;
}
