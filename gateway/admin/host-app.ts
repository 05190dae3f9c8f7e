/** The commands about hosts on the admin socket. */

import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { GatehouseError } from "../../shared/errors.ts";
import { enrolRequest, forgetRequest, type HostCommands } from "./host-messages.ts";
import { parsedRequest } from "./parsed-request.ts";

const MAX_BODY_BYTES = 4_096;

/** `commands` is undefined while monitoring is off. Errors are left to the app it is part of. */
export function createHostApp(commands: () => HostCommands | undefined): Hono {
  const app = new Hono();
  const small = bodyLimit({ maxSize: MAX_BODY_BYTES });
  const needed = (): HostCommands => {
    const found = commands();
    if (found !== undefined) return found;
    throw new GatehouseError("not_found", "The monitoring daemon does not run: set monitor.enabled to true.");
  };
  app.get("/hosts", async (context) => context.json(await needed().list()));
  app.post("/hosts/enroll", small, async (context) => {
    const { host, lifetimeMs } = parsedRequest(enrolRequest, await context.req.text());
    return context.json(await needed().enrol(host, lifetimeMs));
  });
  app.post("/hosts/forget", small, async (context) => {
    const { host } = parsedRequest(forgetRequest, await context.req.text());
    return context.json({ forgotten: await needed().forget(host) });
  });
  return app;
}
