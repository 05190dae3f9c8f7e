/** A server's certificate and key: read from their files, checked, and read again when the files change. */

import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";

/** How often the files are looked at; renewals come weeks before the end. Watching directories misses swapped links. */
const LOOK_MS = 5_000;

/** How long before its end a certificate that was not renewed is worth a warning at every start and change. */
const SOON_MS = 14 * 86_400_000;

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** PEM texts that belong together. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** @throws GatehouseError `bad_request` when a file cannot be read, or the two do not belong together. */
export function readTls({ certFile, keyFile }: TlsFiles): TlsIdentity {
  const identity = { cert: readPem(certFile), key: readPem(keyFile) };
  try {
    createSecureContext(identity);
  } catch (cause) {
    // OpenSSL's text names what it disliked, and nothing of the key.
    throw new GatehouseError(
      "bad_request",
      `The certificate in ${certFile} and the key in ${keyFile} cannot be used together: ${errorText(cause)}.`,
      { cause },
    );
  }
  return identity;
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new GatehouseError("bad_request", `${file} cannot be read: ${errorText(cause)}.`, { cause });
  }
}

export interface FollowTlsOptions {
  readonly files: TlsFiles;
  /** What is in use already. */
  readonly current: TlsIdentity;
  readonly clock: Clock;
  readonly log: Logger;
  /** New connections shall use it. */
  readonly apply: (identity: TlsIdentity) => void;
}

/** Looks at the files until the returned function is called. What cannot be used is told once, and changes nothing. */
export function followTls({ files, current, clock, log, apply }: FollowTlsOptions): () => void {
  let used = fingerprintOf(current);
  let refused: string | undefined;
  warnOfEnd(current, files, clock, log);

  const look = (): void => {
    try {
      const identity = readTls(files);
      const found = fingerprintOf(identity);
      refused = undefined;
      if (found === used) return;
      apply(identity);
      used = found;
      log.info(
        { file: files.certFile, until: endOf(identity).toISOString() },
        "The TLS certificate was renewed",
      );
      warnOfEnd(identity, files, clock, log);
    } catch (error) {
      const reason = errorText(error);
      if (reason === refused) return;
      refused = reason;
      log.error({ reason }, "The changed TLS files cannot be used; the old certificate stays");
    }
  };
  let cancel = (): void => undefined;
  const lookAgain = (): void => {
    cancel = clock.after(LOOK_MS, () => {
      look();
      lookAgain();
    });
  };
  lookAgain();
  return () => cancel();
}

function warnOfEnd(identity: TlsIdentity, { certFile }: TlsFiles, clock: Clock, log: Logger): void {
  const until = endOf(identity);
  if (until.getTime() - clock.now() > SOON_MS) return;
  log.warn({ file: certFile, until: until.toISOString() }, "The TLS certificate ends soon, or has ended");
}

function endOf({ cert }: TlsIdentity): Date {
  return new X509Certificate(cert).validToDate;
}

function fingerprintOf({ cert, key }: TlsIdentity): string {
  return createHash("sha256").update(cert).update("\0").update(key).digest("hex");
}
