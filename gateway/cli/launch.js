#!/usr/bin/env node
/**
 * Every command of this package, in JavaScript that older Nodes understand too: it goes on with Node 24 or later, the
 * one that runs it or the `node` package of this installation, and then loads the command itself. Called as it is,
 * that is `gatehouse`; through a file of bin/, the command that the file is named after.
 */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED_MAJOR = 24;
/** Tells the process that this one starts whose child it is. */
const LAUNCHER_VARIABLE = "GATEHOUSE_LAUNCHER_PID";
const FORWARDED_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

const here = dirname(fileURLToPath(import.meta.url));
/** npm links to the file, or calls it from a shim: only its real name is the same everywhere. */
const calledAs = basename(realpathSync(process.argv[1]), ".js");

if (majorOf(process.versions.node) >= NEEDED_MAJOR) {
  endWithLauncher();
  silenceSqliteWarning();
  // The published package holds only what was built; in a clone the sources are what counts.
  const fromSources = existsSync(join(here, "gatehouse.ts"));
  const load = (path) => import(fromSources ? `./${path}.ts` : `../../dist/gateway/cli/${path}.js`);
  if (calledAs === "launch") await load("gatehouse");
  else if (calledAs === "gatehouse-agent") await load("../../agent/host/main");
  else if (calledAs === "gatehouse-monitord") await (await load("monitord")).main();
  else await (await load(calledAs.startsWith("oneflow") ? "flow/main" : "one/main")).main(calledAs);
} else {
  const node = findNode(here);
  if (node === undefined) {
    console.error(
      `gatehouse needs Node ${NEEDED_MAJOR} or later, and this is ${process.versions.node}: ` +
        `install it, or run "npm install" in the folder of gatehouse, which brings one.`,
    );
    process.exitCode = 1;
  } else runWith(node);
}

/** @param {string} version */
function majorOf(version) {
  return Number(version.split(".")[0]);
}

/** The binary of the nearest `node` package that is new enough, from this folder upwards. */
function findNode(folder) {
  const candidate = join(folder, "node_modules", "node");
  const binary = [join(candidate, "bin", "node"), join(candidate, "bin", "node.exe")].find(existsSync);
  if (binary !== undefined && majorOf(packageVersion(candidate)) >= NEEDED_MAJOR) return binary;
  const parent = dirname(folder);
  return parent === folder ? undefined : findNode(parent);
}

function packageVersion(folder) {
  try {
    return String(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version);
  } catch {
    return "0";
  }
}

/** Runs this command again with that Node: same arguments, streams and exit status; signals are passed on. */
function runWith(node) {
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], {
    // The channel says nothing; it closes when this process ends, however it ends.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, [LAUNCHER_VARIABLE]: String(process.pid) },
  });
  const forward = (signal) => child.kill(signal);
  for (const signal of FORWARDED_SIGNALS) process.on(signal, forward);
  child.on("error", (error) => {
    console.error(`gatehouse cannot run ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (status, signal) => {
    for (const name of FORWARDED_SIGNALS) process.off(name, forward);
    if (signal !== null) process.kill(process.pid, signal);
    else process.exitCode = status ?? 1;
  });
}

/** A launcher killed with SIGKILL can forward nothing; its house must not live on where nobody sees it. */
function endWithLauncher() {
  const launcher = process.env[LAUNCHER_VARIABLE];
  delete process.env[LAUNCHER_VARIABLE];
  if (launcher === undefined || process.channel === undefined || process.channel === null) return;
  if (launcher !== String(process.ppid)) process.exit(1);
  process.on("disconnect", () => process.exit(1));
  process.channel.unref();
}

/** node:sqlite works and is tested here; other warnings of this kind are still shown. */
function silenceSqliteWarning() {
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (/SQLite is an experimental feature/.test(String(warning))) return;
    emitWarning.call(process, warning, ...rest);
  };
}
