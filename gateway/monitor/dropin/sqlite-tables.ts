/** The tables in OpenNebula's one.db, which oned writes too. */

import { WorkerChannel, workerFile } from "../../store/worker-channel.ts";
import type { Answer, Request, SqliteOptions } from "./sqlite-protocol.ts";
import type { MonitoringTables } from "./tables.ts";

/** Nothing is opened before it is asked for, and what fails is tried again with the next request; so is a thread that died. */
export function sqliteTables(options: SqliteOptions): MonitoringTables {
  const start = () =>
    new WorkerChannel<Request, Answer>({
      file: workerFile("./sqlite-worker", import.meta.url),
      workerData: options,
      dead: (reason) => ({ type: "failed", reason: `its thread has ended (${reason})` }),
    });
  let channel = start();
  const ask = async (request: Request): Promise<Answer> => {
    if (channel.isDead) channel = start();
    const answer = await channel.request(request);
    if (answer.type === "failed") throw new Error(answer.reason);
    return answer;
  };
  return {
    name: options.path,
    async put(rows) {
      await ask({ type: "put", rows });
    },
    async lastOfVms(vmIds) {
      const answer = await ask({ type: "last", vmIds });
      return answer.type === "last" ? answer.rows : [];
    },
    async purge(kind, before) {
      const answer = await ask({ type: "purge", kind, before });
      return answer.type === "purged" && answer.more;
    },
    async imported() {
      const answer = await ask({ type: "imported" });
      return new Map(answer.type === "imported" ? answer.vms : []);
    },
    async close() {
      await channel.request({ type: "close" });
      await channel.ended();
    },
  };
}
