import { SYSTEM } from "../../gateway/cloud/cloud.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { remoteCloud, serveCore } from "../support/opennebula.ts";
import { type CloudUnderTest, cloudSuite } from "./cloud-suite.ts";

/** A cloud that knows its core, an embedded one, by XML-RPC over a socket alone. */
async function remote(): Promise<CloudUnderTest> {
  const { cloud: embedded, store } = await testCloud();
  const core = await serveCore(embedded);
  const cloud = await remoteCloud(core);
  return {
    cloud,
    admin: SYSTEM,
    seesAllMoves: false,
    user: (name) => makeUser(cloud, SYSTEM, name),
    async close() {
      await cloud.close();
      await core.close();
      await embedded.close();
      await store.close();
    },
  };
}

cloudSuite("an OpenNebula over XML-RPC", remote, {
  monitoring: "OpenNebula's own daemon writes what is measured, past the core's XML-RPC",
});
