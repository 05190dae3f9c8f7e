/** A stay of a simulated VM on its host, for tests. */

import type { HistoryRecord } from "../../gateway/cloud/model.ts";

export const DUMMY_STAY: HistoryRecord = {
  seq: 0,
  hostName: "dummyhost1",
  hostId: 1,
  clusterId: 0,
  vmMad: "dummy",
  tmMad: "dummy",
  datastoreId: 0,
  stime: 1,
  etime: 0,
  pstime: 1,
  petime: 1,
  rstime: 1,
  retime: 0,
  estime: 0,
  eetime: 0,
  action: 0,
  uid: -1,
  gid: -1,
};
