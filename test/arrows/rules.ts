/** Judges a tree of sources: each import against the table of arrows, and all together for cycles. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { cyclesIn, type Edge } from "./cycles.ts";
import { importsOf } from "./imports.ts";
import { ROOMS, type Room, SCANNED_FOLDERS } from "./table.ts";

/** One sentence a fault, each beginning with `file:line`; empty when the tree obeys. */
export function faultsIn(root: string): readonly string[] {
  const faults: string[] = [];
  const edges: Edge[] = [];
  for (const file of sourceFiles(root)) {
    const room = roomOf(file);
    if (room === undefined) {
      faults.push(`${file}:1: belongs to no room; test/arrows/table.ts lists the rooms`);
      continue;
    }
    for (const { specifier, line } of importsOf(readFileSync(join(root, file), "utf8"))) {
      const fault = judge(room, file, specifier);
      if (fault !== undefined) faults.push(`${file}:${line}: ${fault}`);
      const target = specifier === undefined ? undefined : localTarget(file, specifier);
      if (target !== undefined) edges.push({ from: file, to: target, line });
    }
  }
  return [...faults, ...cyclesIn(edges)];
}

function sourceFiles(root: string): readonly string[] {
  return SCANNED_FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => posix.join(entry.parentPath.slice(root.length + 1), entry.name))
      .sort(),
  );
}

function judge(room: Room, file: string, specifier: string | undefined): string | undefined {
  if (room.mayImport.includes("*")) return undefined;
  if (specifier === undefined) {
    return `${room.name} imports a computed name, which no check can follow; write the name out`;
  }
  const target = localTarget(file, specifier);
  return target === undefined ? judgePackage(room, specifier) : judgeTarget(room, target);
}

function judgeTarget(room: Room, target: string): string | undefined {
  const to = roomOf(target);
  // Data at the root (package.json) belongs to nobody.
  if (to === undefined)
    return target.endsWith(".ts") ? `${room.name} -> ${target}, which is in no room` : undefined;
  if (to === room || room.mayImport.includes(to.name) || room.mayImport.includes(target)) return undefined;
  const allowed = room.mayImport.length === 0 ? "nothing of the house" : room.mayImport.join(", ");
  return `${room.name} -> ${to.name} (${target}) is not an allowed arrow; ${room.name} may import ${allowed}`;
}

function judgePackage(room: Room, specifier: string): string | undefined {
  if (/^(?:\/|file:|#)/.test(specifier))
    return `${room.name} -> ${specifier}: name files relatively, packages by name`;
  if (isBuiltin(specifier) || room.packages === undefined) return undefined;
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (room.packages.includes(name)) return undefined;
  return `${room.name} -> package ${name} is not allowed; ${room.name} may import ${room.packages.join(", ")}`;
}

/** The path from the root that a relative name leads to; undefined for packages and other URLs. */
function localTarget(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(file), specifier.replace(/[?#].*$/, ""));
}

function roomOf(path: string): Room | undefined {
  const matches = ROOMS.flatMap((room) =>
    room.paths
      .filter((prefix) => path === prefix || (prefix.endsWith("/") && `${path}/`.startsWith(prefix)))
      .map((prefix) => ({ room, length: prefix.length })),
  );
  return matches.sort((a, b) => b.length - a.length)[0]?.room;
}
