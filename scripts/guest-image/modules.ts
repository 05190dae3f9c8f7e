/** The kernel modules that a guest needs, in the order in which they can be loaded. */

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { GatehouseError } from "../../shared/errors.ts";

export interface KernelModule {
  readonly name: string;
  /** The file as the package has it, perhaps compressed. */
  readonly path: string;
  /** All that it needs, in the order in which that can be loaded. */
  readonly needs: readonly string[];
}

const MODULE_FILE = /\.ko(?:\.(?:xz|zst|gz))?$/;

/** Reads a module's file, uncompressed. */
export type ReadModule = (path: string) => Promise<Buffer>;

/**
 * `names` and what they depend on, dependencies first. `directory` is lib/modules/<version>. What is built into the
 * kernel needs no loading and is left out.
 * @throws GatehouseError `not_found` when the kernel has neither the module nor its function built in.
 */
export async function loadOrder(
  directory: string,
  names: readonly string[],
  read: ReadModule,
): Promise<readonly KernelModule[]> {
  const files = moduleFiles(directory);
  const builtIn = new Set(
    readFileSync(join(directory, "modules.builtin"), "utf8").split("\n").filter(Boolean).map(moduleName),
  );
  const ordered = new Map<string, KernelModule>();
  const add = async (name: string, wantedBy: string): Promise<readonly string[]> => {
    const known = ordered.get(name);
    if (known !== undefined) return [...known.needs, name];
    if (builtIn.has(name)) return [];
    const path = files.get(name);
    if (path === undefined)
      throw new GatehouseError(
        "not_found",
        `The kernel package has no module ${name}, which ${wantedBy} needs.`,
      );
    const needs = new Set<string>();
    for (const needed of dependenciesOf(await read(path)))
      for (const each of await add(needed, name)) needs.add(each);
    ordered.set(name, { name, path, needs: [...needs] });
    return [...needs, name];
  };
  for (const name of names) await add(name, "the guest");
  return [...ordered.values()];
}

/** By name. */
function moduleFiles(directory: string): ReadonlyMap<string, string> {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" });
  return new Map(
    paths.filter((path) => MODULE_FILE.test(path)).map((path) => [moduleName(path), join(directory, path)]),
  );
}

/** The kernel writes `_` for the `-` of a file's name. */
function moduleName(path: string): string {
  return basename(path).replace(MODULE_FILE, "").replaceAll("-", "_");
}

/** From the module's section .modinfo, whose entries end with NUL: `depends=failover,net_failover`. */
function dependenciesOf(module: Buffer): readonly string[] {
  const key = Buffer.from("\0depends=");
  const start = module.indexOf(key);
  if (start < 0) return [];
  const from = start + key.length;
  const list = module.toString("latin1", from, module.indexOf(0, from));
  return list.split(",").filter(Boolean).map(moduleName);
}
