/** gatehouse-monitord over SQLite: readings of VMs on their way from agents to OpenNebula's table, until the last row is there. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { systemClock } from "../../shared/clock.ts";
import { text } from "../support/core-daemon.ts";
import { type OneDaemon, type OneSite, oneSite } from "../support/one-site.ts";
import type { Bench } from "./figures.ts";

const HOSTS = 500;
const VMS_PER_HOST = 20;
/** Each of every host. */
const MESSAGES = 12;
const ROUNDS = 5;
/** What OpenNebula's documentation gives one zone, 20 VMs each, measured each 30 s. */
const SITE_RECORDS_PER_S = (2_500 * 20) / 30;
const RECORDS = HOSTS * VMS_PER_HOST * MESSAGES;
const METRICS =
  'CPU="12.5"\nMEMORY="1048576"\nNETRX="123456"\nNETTX="654321"\nDISKRDBYTES="1"\nDISKWRBYTES="2"\nDISKRDIOPS="3"\nDISKWRIOPS="4"\n';

/** By TCP, which loses nothing however fast it is sent. */
export const monitordBench: Bench = async function* monitord({ progress }) {
  const rates: number[] = [];
  const costs: number[] = [];
  let residentMiB = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const site = oneSite();
    try {
      const daemon = await site.start();
      const { seconds, processorS } = await writeAll(site, daemon);
      rates.push(RECORDS / seconds);
      costs.push((processorS / RECORDS) * 1_000_000);
      residentMiB = Math.max(residentMiB, mostResidentOf(daemon));
      progress(`round ${round}: ${RECORDS} records in ${seconds.toFixed(2)} s`);
    } finally {
      await site.close();
    }
  }
  const costUs = medianOf(costs);
  yield { figure: "monitord VM records to SQLite", value: Math.round(medianOf(rates)), unit: "records/s" };
  yield { figure: "monitord processor time of a record", value: Number(costUs.toFixed(1)), unit: "µs" };
  const share = (costUs * SITE_RECORDS_PER_S) / 1_000_000;
  yield {
    figure: "monitord of 2,500 hosts and 50,000 VMs",
    value: Number(share.toFixed(3)),
    unit: "of a core",
  };
  yield { figure: "monitord resident memory, most", value: Math.round(residentMiB), unit: "MiB" };
};

function medianOf(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

/** Until the last row is in the table; the processor time is of all the daemon's threads. */
async function writeAll(site: OneSite, daemon: OneDaemon): Promise<{ seconds: number; processorS: number }> {
  const { oned, port } = daemon;
  await oned.begin(Array.from({ length: HOSTS }, (_, id) => ({ id, state: 2, imMad: "none" })));
  await oned.settled();
  const stream = Buffer.concat(messages(Math.floor(systemClock.now() / 1_000)));
  const socket = connect(await port(), "127.0.0.1");
  await once(socket, "connect");
  const began = systemClock.elapsed();
  const usedBefore = processorSOf(daemon);
  socket.end(stream);
  const count = site.database.prepare("SELECT COUNT(*) AS count FROM vm_monitoring");
  while (Number(count.get()?.count) < RECORDS) await setTimeout(20);
  return {
    seconds: (systemClock.elapsed() - began) / 1_000,
    processorS: processorSOf(daemon) - usedBefore,
  };
}

/** Each of a second of its own, so that no row replaces another. */
function messages(now: number): readonly Buffer[] {
  const monitor = Buffer.from(METRICS).toString("base64");
  return Array.from({ length: MESSAGES }, (_, index) => index).flatMap((index) =>
    Array.from({ length: HOSTS }, (_, oid) => {
      const vms = Array.from({ length: VMS_PER_HOST }, (_, vm) => {
        const id = oid * VMS_PER_HOST + vm;
        return `VM = [ ID="${id}", DEPLOY_ID="one-${id}", MONITOR="${monitor}"]`;
      });
      const message = {
        type: "MONITOR_VM",
        oid,
        timestamp: now - 60 + index,
        payload: vms.join("\n"),
      } as const;
      return Buffer.concat([text(message), Buffer.from("\n")]);
    }),
  );
}

/** utime and stime of /proc/PID/stat, in hundredths of a second. */
function processorSOf({ child }: OneDaemon): number {
  const [, afterName = ""] = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ");
  const fields = afterName.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function mostResidentOf({ child }: OneDaemon): number {
  const [, kibibytes = "0"] =
    /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
  return Number(kibibytes) / 1_024;
}
