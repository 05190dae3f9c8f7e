/** Preloaded into a house (NODE_OPTIONS=--import=...): SIGUSR2 ends the thread whose source DOOMED_THREAD names, as its crash would. */

import { syncBuiltinESMExports } from "node:module";
import threads from "node:worker_threads";

const { Worker, isMainThread } = threads;

threads.Worker = class extends Worker {
  constructor(file, options) {
    super(file, options);
    if (String(file).includes(process.env.DOOMED_THREAD)) process.once("SIGUSR2", () => this.terminate());
  }
};
if (isMainThread) syncBuiltinESMExports();
