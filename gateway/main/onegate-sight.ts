/** What OneGate's frame tells, handed to whoever is turned on: counts for metrics and top, the audit, the log. */

import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Config } from "../config.ts";
import { type AuditTrail, auditLine, createAuditTrail } from "../onegate/sight/audit.ts";
import { NoisyVms } from "../onegate/sight/noisy-vms.ts";
import type { GateObserver } from "../onegate/sight/observer.ts";
import { RequestCounts } from "../onegate/sight/request-counts.ts";
import { createRequestLog } from "../onegate/sight/request-log.ts";
import { AuditFile } from "./audit-file.ts";

const AUDIT_FILE = "audit.jsonl";

export interface OneGateSight {
  readonly observer: GateObserver;
  /** Both undefined where metrics are turned off. */
  readonly counts: RequestCounts | undefined;
  readonly noisy: NoisyVms | undefined;
  /** Undefined where the audit is turned off. */
  readonly audit: AuditFile | undefined;
  /** Writes what is gathered. */
  close(): Promise<void>;
}

/** @throws GatehouseError `unavailable` when the audit's file cannot be opened. */
export async function openOneGateSight(config: Config, clock: Clock, log: Logger): Promise<OneGateSight> {
  const metered = config.admin.metrics.enabled;
  const counts = metered ? new RequestCounts() : undefined;
  const noisy = metered ? new NoisyVms(clock) : undefined;
  const audit = config.onegate.audit.enabled ? await openAudit(config, clock, log) : undefined;
  const requestLog = createRequestLog({ clock, log, everyRequest: config.log.level === "debug" });
  const observer: GateObserver = {
    seen(request) {
      counts?.seen(request);
      if (request.vmId !== undefined) noisy?.seen(request.vmId);
      audit?.trail.seen(request);
      requestLog.seen(request);
    },
    waiting: (change) => counts?.waiting(change),
  };
  const close = async (): Promise<void> => {
    noisy?.close();
    audit?.trail.close();
    await audit?.file.close();
  };
  return { observer, counts, noisy, audit: audit?.file, close };
}

interface Audit {
  readonly trail: AuditTrail;
  readonly file: AuditFile;
}

async function openAudit({ home, onegate }: Config, clock: Clock, log: Logger): Promise<Audit> {
  const { file: named, max_bytes: maxBytes, files } = onegate.audit;
  const file = new AuditFile({ path: named ?? join(home, AUDIT_FILE), maxBytes, files, clock, log });
  await file.open();
  return { file, trail: createAuditTrail(clock, (record) => file.write(auditLine(record))) };
}
