/**
 * Run as a process of its own, to be killed: many writers commit numbered groups of objects into the store at argv[2],
 * from the number argv[3] on, and print each number once its commit is acknowledged. It never ends by itself.
 */

import { writeSync } from "node:fs";
import { openSqliteStore } from "../../gateway/store/sqlite.ts";
import { groupOf } from "./store-group.ts";

const WRITERS = 24;

const [, , path = "", first = "0"] = process.argv;
const store = await openSqliteStore(path);
let next = Number(first);

async function write(): Promise<never> {
  for (;;) {
    const number = next++;
    await store.commit(groupOf(number));
    // Written through, not buffered: what is printed was acknowledged before the kill.
    writeSync(1, `${number}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, write));
