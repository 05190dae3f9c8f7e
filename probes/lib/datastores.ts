/** How full the datastores of this host are. Datastores may be network mounts, so nothing here is synchronous. */

import { readdir, statfs } from "node:fs/promises";
import { OneAtATime } from "./patience.ts";

export interface Space {
  readonly usedMiB: number;
  readonly totalMiB: number;
  /** What is left for users without root's reserve. */
  readonly freeMiB: number;
}

const BYTES_A_MIB = 1024 * 1024;

export class Datastores {
  readonly #work = new OneAtATime();

  /** The ids below `location`, rising; undefined when there is no such folder. */
  async ids(location: string, signal: AbortSignal): Promise<readonly number[] | undefined> {
    const names = await this.#work.run(
      `Reading ${location}`,
      () => absentAsUndefined(readdir(location)),
      signal,
    );
    return names
      ?.filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((one, other) => one - other);
  }

  /** @throws Error when the file system cannot say, or does not answer within the round. */
  async space(path: string, signal: AbortSignal): Promise<Space> {
    const { bsize, blocks, bfree, bavail } = await this.#work.run(
      `The file system of ${path}`,
      () => statfs(path),
      signal,
    );
    const mib = (count: number): number => Math.floor((count * bsize) / BYTES_A_MIB);
    return { usedMiB: mib(blocks - bfree), totalMiB: mib(blocks), freeMiB: mib(bavail) };
  }
}

/** @throws Error as `work` does, unless what it looks for does not exist. */
export async function absentAsUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
