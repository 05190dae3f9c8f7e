/**
 * What a home gets at its first start: oneadmin, whose password lies in `one_auth`; serveradmin, as whom a server of
 * OpenNebula's own asks for its users, whose secret lies in `serveradmin_auth`; and a host to run VMs on.
 */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedCloud } from "../cloud/embedded/embedded-cloud.ts";
import { newPassword, newTokenPassword } from "../cloud/embedded/passwords.ts";
import type { Config } from "../config.ts";
import { writePrivateFile } from "./files.ts";

const AUTH_FILE = "one_auth";
const SERVER_AUTH_FILE = "serveradmin_auth";
const FIRST_HOST = "localhost";

/** Where oneadmin's generated password stands, as `oneadmin:<password>`; the file goes once a world brings its own. */
export function authFile(home: string): string {
  return join(home, AUTH_FILE);
}

/** True when this was the first start. The files come first: a crash between must not leave a password nobody knows. */
export async function firstStart(cloud: EmbeddedCloud, config: Config): Promise<boolean> {
  if (!cloud.isEmpty()) return false;
  const password = newPassword();
  writePrivateFile(authFile(config.home), `oneadmin:${password}\n`);
  // 64 hex digits, as OpenNebula's installation makes it (spec core-xmlrpc.md 5).
  const serverPassword = newTokenPassword();
  writePrivateFile(join(config.home, SERVER_AUTH_FILE), `serveradmin:${serverPassword}\n`);
  await cloud.firstStart({ password, serverPassword, hostName: FIRST_HOST, driver: config.cloud.driver });
  return true;
}

/** The generated password is none any more. */
export function removeAuthFile(home: string): void {
  rmSync(authFile(home), { force: true });
}

/** The generated secret is none any more. */
export function removeServerAuthFile(home: string): void {
  rmSync(join(home, SERVER_AUTH_FILE), { force: true });
}

/** Undefined when a world brought its own oneadmin. */
export function existingAuthFile(home: string): string | undefined {
  return existsSync(authFile(home)) ? authFile(home) : undefined;
}
