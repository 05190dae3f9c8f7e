/** The admin port: whether the process lives, whether the house is ready, and its metrics. It tells nothing that is secret. */

import { Hono } from "hono";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Health } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import { createMetricsApp } from "./metrics-app.ts";

/** `GET /healthz` is 200 while the process lives, `GET /readyz` 200 or 503 with the reasons. */
export function createHealthApp(health: Health, log: Logger, metrics?: Metrics): Hono {
  const app = new Hono();
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", async (context) => {
    const { ready, checks } = await health.report();
    return context.json({ status: ready ? "ready" : "not ready", checks }, ready ? 200 : 503);
  });
  app.route("/", createMetricsApp(metrics));
  app.notFound((context) =>
    context.json({ error: { message: "Only /healthz, /readyz and /metrics are here." } }, 404),
  );
  app.onError((error, context) => {
    log.error({ err: error, cause: errorText(error) }, "An admin request failed");
    return context.json({ error: { message: "Internal server error" } }, 500);
  });
  return app;
}
