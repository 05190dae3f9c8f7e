/** How a house speaks as one of OpenNebula's servers: who it is there, and the sessions that it makes for users. */

import { createHash, type KeyObject } from "node:crypto";
import { writeCipherSession } from "./cipher.ts";
import { writeX509Session } from "./x509.ts";

/** A user that may speak for others: of driver server_cipher with its password, or server_x509 with its RSA key. */
export type ServerCredentials =
  | { readonly name: string; readonly password: string }
  | { readonly name: string; readonly key: KeyObject };

/** A session for a target (`alice`, or `alice:100` for one group), until `expires` in seconds since the epoch. */
export type WriteSession = (target: string, expires: number) => string;

/** What it gives throws GatehouseError `bad_request` for a name that is too long for the RSA key. */
export function sessionWriter(server: ServerCredentials): WriteSession {
  const { name } = server;
  if ("key" in server) return (target, expires) => `${name}:${writeX509Session(target, server, expires)}`;
  const passwordHash = createHash("sha256").update(server.password).digest("hex");
  return (target, expires) => `${name}:${writeCipherSession(target, { name, passwordHash }, expires)}`;
}
