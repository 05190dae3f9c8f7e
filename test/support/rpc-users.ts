/** The XML-RPC server over an embedded cloud with two users, anew for each test. */

import { afterEach, beforeEach } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { makeUser, testCloud } from "./embedded.ts";
import { hurriedClock } from "./hurried-clock.ts";
import { openRpc, type RpcServer } from "./xmlrpc.ts";

export const ADMIN = "oneadmin:secret";
export const ALICE = "alice:alicepw";
export const BOB = "bob:bobpw";
export const ALICE_UID = 2;

export interface RpcDesk {
  readonly cloud: EmbeddedCloud;
  readonly rpc: RpcServer;
}

/** Registers its own beforeEach and afterEach. */
export function useRpcDesk(): RpcDesk {
  let desk: RpcDesk | undefined;
  const now = (): RpcDesk => {
    if (desk === undefined) throw new Error("no test is running");
    return desk;
  };
  beforeEach(async () => {
    const clock = hurriedClock();
    const { cloud } = await testCloud({ clock });
    await makeUser(cloud, SYSTEM, "alice");
    await makeUser(cloud, SYSTEM, "bob");
    desk = { cloud, rpc: openRpc(cloud, clock) };
  });
  afterEach(() => now().cloud.close());
  return {
    get cloud() {
      return now().cloud;
    },
    get rpc() {
      return now().rpc;
    },
  };
}
