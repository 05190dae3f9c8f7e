/** The admin socket of a gatehouse-monitord: the commands about hosts, its health and its metrics, as a house's socket has them. */

import { Hono } from "hono";
import type { Logger } from "../../shared/log.ts";
import type { Health } from "./health.ts";
import { createHealthApp } from "./health-app.ts";
import { createHostApp } from "./host-app.ts";
import type { HostCommands } from "./host-messages.ts";
import type { Metrics } from "./metrics.ts";
import { answerErrors } from "./socket-app.ts";

export function createMonitordApp(health: Health, hosts: HostCommands, metrics: Metrics, log: Logger): Hono {
  const app = new Hono();
  app.route(
    "/",
    createHostApp(() => hosts),
  );
  app.route("/", createHealthApp(health, log, metrics));
  const message = "gatehouse-monitord is asked for its hosts, health and metrics, and for nothing else.";
  app.notFound((context) => context.json({ error: { code: "not_found", message } }, 404));
  answerErrors(app, log);
  return app;
}
