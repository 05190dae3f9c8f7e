/** The files behind the audit: appended to, put aside when full, readable by nobody but the owner. */

import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { errorText, GatehouseError } from "../../shared/errors.ts";

export interface AuditDisk {
  /** Opens the file if it is not open; its size in bytes. @throws GatehouseError `unavailable`. */
  open(): Promise<number>;
  /** All bytes or, when it rejects, none that stay. */
  append(bytes: Buffer): Promise<void>;
  /** Puts the file aside, and begins a new one. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

const LINE_BREAK = 0x0a;

export function fileDisk(path: string, files: number): AuditDisk {
  return new FileDisk(path, files);
}

class FileDisk implements AuditDisk {
  readonly #path: string;
  readonly #files: number;
  #file: FileHandle | undefined;
  #size = 0;

  constructor(path: string, files: number) {
    this.#path = path;
    this.#files = files;
  }

  async open(): Promise<number> {
    await this.#opened();
    return this.#size;
  }

  async append(bytes: Buffer): Promise<void> {
    const file = await this.#opened();
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done)).bytesWritten;
      }
      this.#size += bytes.length;
    } catch (error) {
      // A line of which only a part found room would spoil the next one.
      await file.truncate(this.#size).catch(() => this.close());
      throw error;
    }
  }

  async rotate(): Promise<void> {
    await this.close();
    const aside = (number: number) => (number === 0 ? this.#path : `${this.#path}.${number}`);
    for (let number = this.#files - 1; number > 0; number -= 1) {
      await rename(aside(number - 1), aside(number)).catch(unlessMissing);
    }
    if (this.#files === 1) await rm(this.#path, { force: true });
    await this.#opened();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    try {
      const file = await open(this.#path, "a+", 0o600);
      try {
        this.#size = await prepare(file);
      } catch (error) {
        await file.close();
        throw error;
      }
      this.#file = file;
      return file;
    } catch (error) {
      throw new GatehouseError(
        "unavailable",
        `The audit ${this.#path} cannot be opened: ${errorText(error)}.`,
        {
          cause: error,
        },
      );
    }
  }
}

/** The file's size, once it is nobody else's to read and a line that a crash cut short has been ended. */
async function prepare(file: FileHandle): Promise<number> {
  const found = await file.stat();
  // A device must keep its mode, and cannot be put aside.
  if (!found.isFile()) throw new Error("it is no ordinary file");
  await file.chmod(0o600);
  const { size } = found;
  if (size === 0) return 0;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer[0] === LINE_BREAK) return size;
  await file.write("\n");
  return size + 1;
}

function unlessMissing(error: unknown): void {
  if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
}
