/** The routes around tokens. */

import type { GateContext, GateRoute } from "../route.ts";
import { showIdentity, showIssuer, showKeys } from "./identity-routes.ts";
import { createToken } from "./token-route.ts";

export function trustRoutes(gate: GateContext): readonly GateRoute[] {
  return [
    {
      access: "guest",
      method: "POST",
      path: "/token",
      operation: "createToken",
      summary: "Trades the VM's token for a session token",
      handle: createToken(gate),
    },
    {
      access: "guest",
      method: "GET",
      path: "/identity",
      operation: "showIdentity",
      summary: "A signed statement of who the VM is, for one audience",
      scope: "identity",
      handle: showIdentity(gate),
    },
    {
      access: "public",
      method: "GET",
      path: "/.well-known/jwks.json",
      operation: "showKeys",
      summary: "The public keys that identity tokens are verified with",
      handle: showKeys(gate),
    },
    {
      access: "public",
      method: "GET",
      path: "/.well-known/openid-configuration",
      operation: "showIssuer",
      summary: "Who issues identity tokens, and where its keys are",
      handle: showIssuer(gate),
    },
  ];
}
