/** Actions of `onevm` at a time: what --schedule asks for, and the sub-commands that change it. */

import { GatehouseError } from "../../../../shared/errors.ts";
import { parseTemplate } from "../../../../shared/template/parse.ts";
import { printTemplate } from "../../../../shared/template/print.ts";
import { stringOf } from "../../../../shared/template/types.ts";
import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { type CommonOptions, type Desk, subCommand, withClient } from "./desk.ts";
import { partId } from "./onevm-parts.ts";

/** `2026-09-20`, `2026-09-20 14:15` and `2026-09-20 14:15:30`, in local time. */
const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?$/;

/** A template for one.vm.schedadd. @throws GatehouseError `bad_request` for what is no time. */
export function scheduleTemplate(action: string, time: string): string {
  return printTemplate({ SCHED_ACTION: { ACTION: action, TIME: timeAttribute(time) } });
}

function timeAttribute(text: string): string {
  if (/^\+?\d{1,12}$/.test(text)) return text;
  const [whole, ...parts] = DATE.exec(text) ?? [];
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map((part) =>
    Number(part ?? 0),
  );
  const date = new Date(year, month - 1, day, hour, minute, second);
  const isReal = date.getMonth() === month - 1 && date.getDate() === day && date.getHours() === hour;
  if (whole !== undefined && isReal) return String(Math.floor(date.getTime() / 1_000));
  throw new GatehouseError(
    "bad_request",
    `"${text}" is no time; it is 2026-09-20, "2026-09-20 14:15", seconds since 1970, or + and seconds since the VM was made.`,
  );
}

export function addScheduling(desk: Desk): void {
  subCommand(
    desk,
    "sched-update <id> <action> [file]",
    "change a scheduled action, of a file or standard input",
    ["sched-update 5 0 action.txt", "echo 'TIME=1790165700' | onevm sched-update 5 0"],
  ).action(async (text: string, action: string, file: string | undefined, options: CommonOptions) => {
    const actionId = partId("scheduled action", action);
    const given = await readTemplate(desk.context, file);
    const template = /^\s*SCHED_ACTION\s*=/i.test(given) ? given : asVector(given);
    await withClient(desk, options, async (client) => {
      await client.call("one.vm.schedupdate", await resolveId(client, desk.kind, text), actionId, template);
    });
  });
  subCommand(desk, "sched-delete <id> <action>", "take a scheduled action out, by its id", [
    "sched-delete 5 0",
  ]).action(async (text: string, action: string, options: CommonOptions) => {
    const actionId = partId("scheduled action", action);
    await withClient(desk, options, async (client) => {
      await client.call("one.vm.scheddelete", await resolveId(client, desk.kind, text), actionId);
    });
  });
}

/** Attributes on lines of their own, as OpenNebula's editor shows them. */
function asVector(text: string): string {
  const template = parseTemplate(text);
  const pairs = Object.keys(template).map((name) => [name, stringOf(template, name) ?? ""] as const);
  return printTemplate({ SCHED_ACTION: Object.fromEntries(pairs) });
}
