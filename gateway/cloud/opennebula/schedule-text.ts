/** Actions at a time, as one.vm.schedadd takes them: the vector that `readSchedule` reads. */

import type { ActionSchedule } from "../pools/vm-pool.ts";
import { printScheduledAction } from "../scheduled-action.ts";
import { templateText } from "./template-text.ts";

/** What a vector of one.vm.schedadd has nothing to say of. */
const NOT_ASKED: ReadonlySet<string> = new Set(["ID", "PARENT_ID", "TYPE", "DONE", "MESSAGE", "WARNING"]);
/** By attribute, what of a schedule it stands for. */
const STANDS_FOR: Readonly<Record<string, keyof ActionSchedule>> = {
  ACTION: "action",
  ARGS: "args",
  TIME: "time",
  REPEAT: "repeat",
  DAYS: "repeat",
  END_TYPE: "end",
  END_VALUE: "end",
};

/** `SCHED_ACTION=[ ... ]` of what is given. */
export function scheduleText(given: Partial<ActionSchedule>): string {
  const { action = "", args = "", time = 0, repeat, end } = given;
  const seconds = typeof time === "number" ? time : time.sinceStart;
  const whole = printScheduledAction(0, { id: 0, action, args, time: seconds, repeat, end, message: "" });
  const asked = Object.entries(whole).filter(([name]) => {
    const part = STANDS_FOR[name];
    return !NOT_ASKED.has(name) && part !== undefined && Object.hasOwn(given, part);
  });
  const vector = Object.fromEntries(asked);
  return templateText({
    SCHED_ACTION: typeof time === "number" ? vector : { ...vector, TIME: `+${seconds}` },
  });
}
