/** Makes a guest's directory (shared/guests/qemu-layout.ts), and says why a guest ended from what lies there. */

import { chmod, chown, mkdir, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { GatehouseError } from "../../../../shared/errors.ts";
import { MAX_SOCKET_PATH_BYTES, type QemuGuestPaths } from "../../../../shared/guests/qemu-layout.ts";
import { lastLine } from "./tool.ts";

/** The longest names in a guest's directory of those that are sockets. */
const LONGEST_SOCKET = "/qmp-probe.sock";

/** A panic with its registers and calls. */
const TAIL_BYTES = 8_000;

/**
 * The directory belongs to the house and is sticky: the guest's QEMU makes its sockets there, and cannot put anything in
 * the place of what the house keeps.
 * @throws GatehouseError `unavailable` where its sockets would have longer names than Linux allows.
 */
export async function makeGuestDir(paths: QemuGuestPaths, uid: number | undefined): Promise<void> {
  if (Buffer.byteLength(paths.dir + LONGEST_SOCKET) > MAX_SOCKET_PATH_BYTES)
    throw new GatehouseError(
      "unavailable",
      `The path ${paths.dir} is too long for sockets (${MAX_SOCKET_PATH_BYTES} bytes with their names); choose a shorter cloud.qemu.run_dir.`,
    );
  await mkdir(paths.dir, { recursive: true, mode: 0o700 });
  if (uid !== undefined) await chown(paths.dir, process.getuid?.() ?? 0, uid);
  await chmod(paths.dir, uid === undefined ? 0o700 : 0o1770);
  // What an earlier QEMU left, perhaps under another user.
  for (const name of await readdir(paths.dir)) {
    if (name.endsWith(".sock") || name.startsWith("net.") || name.startsWith(".context-"))
      await rm(join(paths.dir, name), { recursive: true, force: true });
  }
}

/** Why a QEMU ended. `code` and `signal` are undefined for one whose end nobody saw. */
export async function endSentence(
  paths: QemuGuestPaths,
  code: number | null | undefined,
  signal: NodeJS.Signals | null | undefined,
): Promise<string> {
  const complaint = (await lastLineOf(paths.qemuLog)).replace(/[.?!]+$/, "");
  const said = complaint === "" ? "" : `: ${complaint}`;
  if (signal) return `QEMU was killed by ${signal}.`;
  if (code) return `QEMU ended with code ${code}${said}.`;
  const console = await lastLineOf(paths.log);
  const last = console === "" ? "" : `; its console ended with "${console}"`;
  return code === 0 ? `The guest powered itself off${last}.` : `The guest ended${said}${last}.`;
}

/** Of a guest whose kernel told that it panicked; what the kernel said last is registers, so its reason is sought. */
export async function panicSentence(paths: QemuGuestPaths): Promise<string> {
  const tail = await tailOf(paths.log);
  const reasons = [...tail.matchAll(/kernel panic/gi)].map(({ index }) => index);
  const at = reasons.at(-1);
  const last = lastLine(at === undefined ? tail : (tail.slice(at).split(/[\r\n]/)[0] ?? ""));
  return `The guest's kernel panicked${last === "" ? "" : `; its console ended with "${last}"`}.`;
}

async function lastLineOf(path: string): Promise<string> {
  return lastLine(await tailOf(path));
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return "";
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(TAIL_BYTES);
    const { bytesRead } = await file.read(tail, 0, tail.length, Math.max(0, size - TAIL_BYTES));
    return tail.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
