/** A VM as its guest sees it at OneGate, and waiting for it to change there. */

import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { HouseProcess } from "./house.ts";

const seen = z.object({
  VM: z.object({
    NAME: z.string(),
    STATE: z.string(),
    LCM_STATE: z.string(),
    USER_TEMPLATE: z.record(z.string(), z.unknown()).default({}),
  }),
});

export type SeenVm = z.infer<typeof seen>["VM"];

/** Who asks. */
export interface Guest {
  readonly id: number;
  readonly token: string;
}

const WAIT_S = 30;
/** Before one asks again who was sent away. */
const PAUSE_MS = 200;

/** Once the VM is as wanted: OneGate answers when it changes. The test's time limit is the only one. */
export async function untilVm(
  house: Pick<HouseProcess, "onegate">,
  { id, token }: Guest,
  isWanted: (vm: SeenVm) => boolean,
): Promise<SeenVm> {
  let etag = "";
  for (;;) {
    const headers = { "X-ONEGATE-VMID": String(id), "X-ONEGATE-TOKEN": token, "If-None-Match": etag };
    const answer = await fetch(`${house.onegate}/vm${etag === "" ? "" : `?wait=${WAIT_S}`}`, { headers });
    const text = await answer.text();
    if (answer.status === 200) {
      const { VM } = seen.parse(JSON.parse(text));
      if (isWanted(VM)) return VM;
      etag = answer.headers.get("etag") ?? "";
    } else if (answer.status !== 304) await pause(PAUSE_MS);
  }
}
