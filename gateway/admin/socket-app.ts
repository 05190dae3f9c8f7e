/** The admin socket: the commands of `HomeCommands` over HTTP, for whoever may open `admin.sock`, and nobody else. */

import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { errorText, GatehouseError, HTTP_STATUS, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { type HomeCommands, MAX_WORLD_BYTES } from "./commands.ts";
import type { Health } from "./health.ts";
import { createHealthApp } from "./health-app.ts";
import { createHostApp } from "./host-app.ts";
import type { HostCommands } from "./host-messages.ts";
import type { Sight } from "./sight.ts";
import { createTokenApp } from "./token-app.ts";

/** What a house has only while it is turned on. */
export interface SocketParts {
  readonly sight?: Sight | undefined;
  /** Asked at each call: undefined while nothing monitors hosts. */
  readonly hosts?: (() => HostCommands | undefined) | undefined;
}

/** Errors are `{"error":{"code","message"}}`, from which admin-client makes the same error again. */
export function createSocketApp(
  health: Health,
  commands: HomeCommands,
  log: Logger,
  { sight, hosts = () => undefined }: SocketParts = {},
): Hono {
  const app = new Hono();
  app.route("/", createTokenApp(commands));
  app.route("/", createHostApp(hosts));
  app.post("/import", bodyLimit({ maxSize: MAX_WORLD_BYTES, onError: tooLarge }), async (context) => {
    await commands.importWorld(await context.req.text());
    return context.json({ imported: true });
  });
  app.get("/export", async (context) => {
    return context.body(await commands.exportWorld(), 200, { "Content-Type": "application/json" });
  });
  app.get("/top", async (context) => {
    if (sight === undefined) {
      throw new GatehouseError("not_found", "Metrics are turned off: set admin.metrics.enabled to true.");
    }
    return context.json(await sight.top());
  });
  app.route("/", createHealthApp(health, log, sight?.metrics));
  answerErrors(app, log);
  return app;
}

export function answerErrors(app: Hono, log: Logger): void {
  app.onError((error, context) => {
    if (isGatehouseError(error)) {
      return context.json({ error: { code: error.code, message: error.message } }, HTTP_STATUS[error.code]);
    }
    log.error({ err: error, cause: errorText(error) }, "An admin command failed");
    return context.json(
      { error: { code: "internal", message: "The house failed; its log tells why." } },
      500,
    );
  });
}

function tooLarge(): never {
  throw new GatehouseError("too_large", `A world has at most ${MAX_WORLD_BYTES} bytes.`);
}
