/** Debian's packages: which versions there are, their download and their unpacking, as any user. */

import { execFile } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { errorText, GatehouseError } from "../../shared/errors.ts";

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const APT_TIMEOUT_MS = 600_000;

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
}

/** The package that apt would install. */
interface Candidate extends DebianPackage {
  /** Those of its dependencies of which it wants one version and no other. */
  readonly exact: readonly DebianPackage[];
}

/** The newest version that apt knows here. @throws GatehouseError `not_found` when it knows none. */
export async function candidate(name: string): Promise<Candidate> {
  const text = await tool("apt-cache", ["show", "--no-all-versions", name]).catch((error: unknown) => {
    if (isMissingTool(error)) throw error;
    return "";
  });
  const field = (key: string) => new RegExp(`^${key}: (.*)$`, "m").exec(text)?.[1];
  const version = field("Version");
  if (version === undefined)
    throw new GatehouseError(
      "not_found",
      `apt knows no package ${name}: run apt-get update, and see that its sources have Debian's main section for amd64.`,
    );
  const exact = [...(field("Depends") ?? "").matchAll(/([a-z0-9.+-]+)(?::\w+)? \(= ([^)]+)\)/g)];
  return {
    name,
    version,
    exact: exact.map(([, dependency = "", wanted = ""]) => ({ name: dependency, version: wanted })),
  };
}

/** Downloads the package into `directory` unless it is there, and drops its other versions. The file's path. */
export async function download({ name, version }: DebianPackage, directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const known = (await debs(directory)).find((file) => isOf(file, name, version));
  if (known !== undefined) return join(directory, known);
  for (const old of (await debs(directory)).filter((file) => file.startsWith(`${name}_`)))
    await rm(join(directory, old));
  // As root, apt would fetch as its own user, who may not write here.
  await tool(
    "apt-get",
    ["-q", "-o", "APT::Sandbox::User=root", "download", `${name}=${version}`],
    directory,
  ).catch((error: unknown) => {
    throw new GatehouseError(
      "unavailable",
      `The package ${name} ${version} cannot be downloaded: ${errorText(error)}`,
      {
        cause: error,
      },
    );
  });
  const file = (await debs(directory)).find((each) => isOf(each, name, version));
  if (file !== undefined) return join(directory, file);
  throw new GatehouseError("unavailable", `apt-get downloaded no file for the package ${name} ${version}.`);
}

export async function unpack(file: string, directory: string): Promise<void> {
  await tool("dpkg-deb", ["-x", file, directory]);
}

async function debs(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((file) => file.endsWith(".deb"));
}

/** apt writes the colon of an epoch as %3a. */
function isOf(file: string, name: string, version: string): boolean {
  return file.startsWith(`${name}_${version.replaceAll(":", "%3a")}_`);
}

/** Which package of Debian brings each tool that the build runs. */
const BRINGS: Readonly<Record<string, string>> = { "apt-cache": "apt", "apt-get": "apt", "dpkg-deb": "dpkg" };

async function tool(name: string, args: readonly string[], cwd?: string): Promise<string> {
  const options = {
    maxBuffer: MAX_OUTPUT_BYTES,
    timeout: APT_TIMEOUT_MS,
    env: { ...process.env, LC_ALL: "C" },
  };
  try {
    return (await run(name, [...args], cwd === undefined ? options : { ...options, cwd })).stdout;
  } catch (error) {
    if (!isMissingTool(error)) throw error;
    throw new GatehouseError(
      "unavailable",
      `The guest is made of Debian's packages, and this machine has no ${name}: it is in the package ${BRINGS[name] ?? name}.`,
      { cause: error },
    );
  }
}

function isMissingTool(error: unknown): boolean {
  if (error instanceof GatehouseError) return error.code === "unavailable";
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
