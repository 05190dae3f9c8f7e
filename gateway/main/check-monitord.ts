/** Before oned starts gatehouse-monitord: what it makes of the site's files, and what would keep it from its work. */

import { accessSync, constants, existsSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { errorText } from "../../shared/errors.ts";
import { adminSocketPath } from "./admin-socket.ts";
import {
  clearTextWarning,
  type MonitordFiles,
  type MonitordOptions,
  monitordFiles,
  readSite,
} from "./serve-monitord.ts";

export interface MonitordCheck {
  readonly lines: readonly string[];
  /** What must be mended first; none: oned can start it. */
  readonly faults: readonly string[];
}

type Site = ReturnType<typeof readSite>;

/** Reads as the daemon does, asks the database, and changes nothing. The port is not tried: onemonitord may have it. */
export async function checkMonitord(
  options: Pick<MonitordOptions, "config" | "onedConfig" | "home" | "env">,
): Promise<MonitordCheck> {
  const files = monitordFiles(options);
  try {
    const site = readSite(files, options.env);
    const database = await databaseLine(site);
    const faults = [...database.faults, ...driverFaults(site), ...logFaults(files), ...homeFaults(site)];
    return { lines: [...linesOf(files, site), database.line, ...unreadLine(site)], faults };
  } catch (error) {
    return { lines: [], faults: [errorText(error)] };
  }
}

function linesOf({ config, onedConfig }: MonitordFiles, site: Site): readonly string[] {
  const { host, port, settings } = site;
  const warning = clearTextWarning(site);
  return [
    `Configuration: ${config}, ${onedConfig}`,
    `Agents: ${host} port ${port}, UDP and TCP; text from other machines: ${settings.acceptText}`,
    ...(warning === undefined ? [] : [`  ${warning}.`]),
    ...settings.drivers.map((driver) => `Driver: ${driver}`),
    `Log: ${site.logPlace}`,
    site.home === undefined
      ? "Home: none, so sealed agents cannot enrol"
      : `Home: ${site.home}, where sealed agents are remembered`,
  ];
}

async function databaseLine({
  tables,
}: Site): Promise<{ readonly line: string; readonly faults: readonly string[] }> {
  const database = tables();
  const line = `Database: ${database.name}`;
  try {
    // Any id, and rows from before time began: what counts is that both tables are there, to be read and to be written.
    await database.lastOfVms([0]);
    for (const kind of ["host", "vm"] as const) await database.purge(kind, 0);
    return { line, faults: [] };
  } catch (error) {
    return { line, faults: [`${database.name} cannot be used: ${errorText(error)}`] };
  } finally {
    await database.close();
  }
}

function driverFaults({ settings, driversDirectory }: Site): readonly string[] {
  return settings.drivers.flatMap((driver) => {
    const [name = "", executable = ""] = driver.split(/ +/);
    const path = isAbsolute(executable) ? executable : join(driversDirectory, executable);
    return isAllowed(path, constants.X_OK)
      ? []
      : [`The driver ${name} cannot be started: there is no executable ${path}`];
  });
}

function logFaults({ log }: MonitordFiles): readonly string[] {
  return isAllowed(existsSync(log) ? log : dirname(log), constants.W_OK) ? [] : [`${log} cannot be written`];
}

/** It is made where it is missing; a daemon that runs has it, so it is not opened. */
function homeFaults({ home }: Site): readonly string[] {
  if (home === undefined) return [];
  try {
    adminSocketPath(home);
  } catch (error) {
    return [errorText(error)];
  }
  return isAllowed(existsSync(home) ? home : dirname(home), constants.W_OK)
    ? []
    : [`The home ${home} cannot be written`];
}

function unreadLine({ unread }: Site): readonly string[] {
  return unread.length === 0 ? [] : [`Not read of monitord.conf: ${unread.join(", ")}`];
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
