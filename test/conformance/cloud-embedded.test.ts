import { join } from "node:path";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import { openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { openSqliteStore } from "../../gateway/store/sqlite.ts";
import type { Store } from "../../gateway/store/store.ts";
import { systemClock } from "../../shared/clock.ts";
import { makeUser, SILENT } from "../support/embedded.ts";
import { scratchDirectory } from "../support/house.ts";
import { type CloudUnderTest, cloudSuite } from "./cloud-suite.ts";

/** A started cloud of simulated VMs over a store. */
async function embedded(store: Store, remove: () => void = () => {}): Promise<CloudUnderTest> {
  const driver = dummyDriver({ clock: systemClock, bootMs: 0 });
  const cloud = await openEmbeddedCloud({
    store,
    clock: systemClock,
    log: SILENT,
    drivers: [driver],
    onegateEndpoint: () => "http://127.0.0.1:5030",
  });
  await cloud.firstStart({ password: "secret", hostName: "host0", driver: driver.name });
  await cloud.start();
  return {
    cloud,
    admin: SYSTEM,
    user: (name) => makeUser(cloud, SYSTEM, name),
    async close() {
      await cloud.close();
      await store.close();
      remove();
    },
  };
}

cloudSuite("the embedded cloud over a store in memory", () => embedded(memoryStore()));

cloudSuite("the embedded cloud over SQLite", async () => {
  const directory = scratchDirectory("cloud-suite");
  return await embedded(await openSqliteStore(join(directory.path, "cloud.db")), directory.remove);
});
