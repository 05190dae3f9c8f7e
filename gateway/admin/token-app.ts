/** The commands about tokens on the admin socket. */

import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { HomeCommands } from "./commands.ts";
import { parsedRequest } from "./parsed-request.ts";
import { revokeRequest, rotateRequest } from "./token-messages.ts";

const MAX_BODY_BYTES = 4_096;

/** Errors are left to the app it is part of. */
export function createTokenApp(commands: HomeCommands): Hono {
  const app = new Hono();
  const small = bodyLimit({ maxSize: MAX_BODY_BYTES });
  app.get("/token/:vmId{[0-9]{1,10}}", async (context) => {
    return context.json({ token: await commands.token(Number(context.req.param("vmId"))) });
  });
  app.post("/token/:vmId{[0-9]{1,10}}/revoke", small, async (context) => {
    const { classic } = parsedRequest(revokeRequest, await context.req.text());
    await commands.revokeTokens(Number(context.req.param("vmId")), classic);
    return context.json({ revoked: true });
  });
  app.post("/token/:vmId{[0-9]{1,10}}/allow", async (context) => {
    return context.json({ changed: await commands.allowToken(Number(context.req.param("vmId"))) });
  });
  app.post("/token-password", small, async (context) => {
    const { user, graceMs } = parsedRequest(rotateRequest, await context.req.text());
    return context.json(await commands.rotateTokenPassword(user, graceMs));
  });
  app.get("/tokens", async (context) => context.json(await commands.tokenStanding()));
  return app;
}
