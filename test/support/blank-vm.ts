/** A VM of which a test says only what it is about. */

import type { Vm } from "../../gateway/cloud/model.ts";

/** VM 7 of alice, with nothing in it and nothing behind it; `part` says what is otherwise. */
export function blankVm(part: Partial<Vm> = {}): Vm {
  return {
    id: 7,
    version: 1,
    name: "vm",
    uid: 2,
    gid: 1,
    uname: "alice",
    gname: "users",
    mode: 0o600,
    state: 0,
    lcmState: 0,
    prevState: 0,
    prevLcmState: 0,
    resched: false,
    stime: 1,
    etime: 0,
    lastPoll: 0,
    deployId: "",
    template: {},
    userTemplate: {},
    monitoring: {},
    history: [],
    snapshots: [],
    ...part,
  };
}
