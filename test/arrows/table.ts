/** Which room may import which: design.md's "Arrows allowed" as data. A room not listed here may not hold code. */

/** A part of the house. The longest path that matches a file decides its room. */
export interface Room {
  readonly name: string;
  /** Files, or folders when they end with a slash, from the root of the repository. */
  readonly paths: readonly string[];
  /** Names of rooms, or single files of a room. Itself a room may always import; "*" is everything. */
  readonly mayImport: readonly string[];
  /** npm packages it may import; every one when missing. */
  readonly packages?: readonly string[];
}

/** Folders whose every .ts file must obey. */
export const SCANNED_FOLDERS = ["gateway", "agent", "probes", "scripts", "shared", "test"] as const;

export const ROOMS: readonly Room[] = [
  {
    name: "shared",
    paths: ["shared/"],
    mayImport: [],
    // It is bundled into guests and agents, so each package here is carried everywhere.
    packages: ["msgpackr", "pino", "saxes", "tweetnacl", "zod"],
  },
  { name: "probes", paths: ["probes/"], mayImport: ["shared"] },
  { name: "agent", paths: ["agent/"], mayImport: ["probes", "shared"] },
  {
    name: "main",
    paths: ["gateway/main.ts", "gateway/main/"],
    mayImport: [
      "admin",
      "cloud",
      "cloud/embedded",
      "cloud/opennebula",
      "config",
      "monitor",
      "oneflow",
      "oneflow/elasticity",
      "onegate",
      "rpc",
      "shared",
      "store",
    ],
  },
  {
    name: "config",
    paths: ["gateway/config.ts", "gateway/config/"],
    // A part's settings are declared beside the part, and are the only thing of it that config sees.
    mayImport: [
      "gateway/monitor/settings.ts",
      "gateway/oneflow/settings.ts",
      "gateway/onegate/settings.ts",
      "shared",
    ],
  },
  { name: "cli", paths: ["gateway/cli/"], mayImport: ["config", "main", "oneflow/elasticity", "shared"] },
  {
    name: "onegate",
    paths: ["gateway/onegate/"],
    mayImport: ["cloud", "gateway/oneflow/directory.ts", "http", "shared", "store"],
  },
  {
    name: "oneflow",
    paths: ["gateway/oneflow/"],
    mayImport: ["cloud", "http", "oneflow/elasticity", "shared", "store"],
  },
  // What both REST APIs need of HTTP: bodies, queries, entity tags.
  { name: "http", paths: ["gateway/http/"], mayImport: ["shared"] },
  { name: "oneflow/elasticity", paths: ["gateway/oneflow/elasticity/"], mayImport: ["shared"] },
  { name: "monitor", paths: ["gateway/monitor/"], mayImport: ["cloud", "shared", "store"] },
  { name: "rpc", paths: ["gateway/rpc/"], mayImport: ["cloud", "shared"] },
  { name: "cloud", paths: ["gateway/cloud/"], mayImport: ["shared"] },
  { name: "cloud/embedded", paths: ["gateway/cloud/embedded/"], mayImport: ["cloud", "shared", "store"] },
  { name: "cloud/opennebula", paths: ["gateway/cloud/opennebula/"], mayImport: ["cloud", "shared"] },
  { name: "admin", paths: ["gateway/admin/"], mayImport: ["shared"] },
  { name: "store", paths: ["gateway/store/"], mayImport: ["shared"] },
  // What is run by hand or by CI, and is part of no program.
  { name: "scripts", paths: ["scripts/"], mayImport: ["shared"] },
  { name: "test", paths: ["test/"], mayImport: ["*"] },
];
