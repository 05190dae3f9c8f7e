import { describe, expect, it } from "vitest";
import { PolicyTextError } from "../../gateway/oneflow/elasticity/error.ts";
import type { ScheduledPolicy } from "../../gateway/oneflow/elasticity/policy.ts";
import { parseRecurrence } from "../../gateway/oneflow/elasticity/recurrence.ts";
import { dueAt } from "../../gateway/oneflow/elasticity/schedule.ts";
import { parseStartTime } from "../../gateway/oneflow/elasticity/start-time.ts";
import { createPolicyTexts } from "../../gateway/oneflow/elasticity/texts.ts";
import { wakeAt } from "../../gateway/oneflow/elasticity/wake.ts";
import { openZone } from "../../gateway/oneflow/elasticity/zone.ts";
import { scriptedRole } from "../support/elasticity.ts";

const BERLIN = "Europe/Berlin";

function seconds(iso: string): number {
  return Date.parse(iso) / 1000;
}

function iso(atS: number | undefined): string | undefined {
  return atS === undefined || !Number.isFinite(atS)
    ? undefined
    : new Date(atS * 1000).toISOString().slice(0, 16);
}

/** The first occurrences after a moment. */
function occurrences(
  text: string,
  zone: string,
  from: string,
  count: number,
): readonly (string | undefined)[] {
  const recurrence = parseRecurrence(text, zone);
  const found: (string | undefined)[] = [];
  for (let at: number | undefined = seconds(from); found.length < count && at !== undefined; ) {
    at = recurrence.nextAfter(at);
    found.push(iso(at));
  }
  return found;
}

describe("a recurrence", () => {
  it.each<[string, string, string, string, readonly (string | undefined)[]]>([
    [
      "the docs' example",
      "0 2 1-10 * *",
      "UTC",
      "2026-01-09T12:00Z",
      ["2026-01-10T02:00", "2026-02-01T02:00"],
    ],
    [
      "each ten minutes",
      "*/10 * * * *",
      "UTC",
      "2026-01-01T00:00Z",
      ["2026-01-01T00:10", "2026-01-01T00:20"],
    ],
    [
      "working days",
      "0 9 * * mon,tue,wed,thu,fri",
      "UTC",
      "2026-11-20T09:00Z",
      ["2026-11-23T09:00", "2026-11-24T09:00"],
    ],
    ["Sunday as 7", "0 0 * * 7", "UTC", "2026-11-20T00:00Z", ["2026-11-22T00:00", "2026-11-29T00:00"]],
    [
      "either day",
      "0 0 13 * 5",
      "UTC",
      "2026-02-08T00:00Z",
      ["2026-02-13T00:00", "2026-02-20T00:00", "2026-02-27T00:00", "2026-03-06T00:00", "2026-03-13T00:00"],
    ],
    ["@daily", "@daily", BERLIN, "2026-11-20T12:00Z", ["2026-11-20T23:00"]],
    ["month ends", "0 0 31 * *", "UTC", "2026-01-31T00:00Z", ["2026-03-31T00:00", "2026-05-31T00:00"]],
    ["leap days", "0 0 29 2 *", "UTC", "2026-01-01T00:00Z", ["2028-02-29T00:00", "2032-02-29T00:00"]],
    ["a day that never comes", "0 0 30 2 *", "UTC", "2026-01-01T00:00Z", [undefined]],
    // 2026-03-29 02:00 is 03:00 in Berlin: the skipped hour's work is done at the change.
    [
      "a time the spring skips",
      "30 2 * * *",
      BERLIN,
      "2026-03-28T02:00Z",
      ["2026-03-29T01:00", "2026-03-30T00:30"],
    ],
    [
      "each half hour in spring",
      "*/30 * * * *",
      BERLIN,
      "2026-03-29T00:00Z",
      ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30"],
    ],
    // 2026-10-25 03:00 is 02:00 again in Berlin: a time of day comes once, each half hour is each half hour.
    [
      "a time the autumn repeats",
      "30 2 * * *",
      BERLIN,
      "2026-10-24T12:00Z",
      ["2026-10-25T00:30", "2026-10-26T01:30"],
    ],
    [
      "each half hour in autumn",
      "*/30 * * * *",
      BERLIN,
      "2026-10-25T00:00Z",
      ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"],
    ],
    ["nine o'clock over a change", "0 9 * * *", BERLIN, "2026-10-24T12:00Z", ["2026-10-25T08:00"]],
    [
      "a southern spring",
      "30 2 * * *",
      "Australia/Sydney",
      "2026-10-03T00:00Z",
      ["2026-10-03T16:00", "2026-10-04T15:30"],
    ],
    [
      "certain hours in autumn",
      "30 1-3 * * *",
      BERLIN,
      "2026-10-24T22:00Z",
      ["2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T02:30"],
    ],
    [
      "parts of one hour in autumn",
      "*/20 2 * * *",
      BERLIN,
      "2026-10-24T12:00Z",
      ["2026-10-25T00:00", "2026-10-25T00:20", "2026-10-25T00:40", "2026-10-26T01:00"],
    ],
    [
      "parts of one hour in spring",
      "*/20 2 * * *",
      BERLIN,
      "2026-03-28T12:00Z",
      ["2026-03-29T01:00", "2026-03-30T00:00"],
    ],
    [
      "the half of each hour in spring",
      "30 * * * *",
      BERLIN,
      "2026-03-29T00:00Z",
      ["2026-03-29T00:30", "2026-03-29T01:30"],
    ],
    [
      "the half of each hour in autumn",
      "30 * * * *",
      BERLIN,
      "2026-10-24T23:00Z",
      ["2026-10-24T23:30", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"],
    ],
    [
      "half an hour's change",
      "*/30 * * * *",
      "Australia/Lord_Howe",
      "2026-04-04T14:00Z",
      ["2026-04-04T14:30", "2026-04-04T15:00", "2026-04-04T15:30"],
    ],
  ])("%s", (_, text, zone, from, expected) => {
    expect(occurrences(text, zone, from, expected.length)).toEqual(expected);
  });

  it.each([
    ["61 * * * *", /no recurrence: Invalid value for minute/],
    ["* * * *", /it has 4 fields and needs five/],
    ["* * * * * *", /it has 6 fields/],
    ["0 0 L * *", /Column 5: "L" is no day of month/],
    ["0 0 * * 5#2", /Column 9: "5#2" is no day of week/],
    ["0 0 ? * *", /Column 5: "\?"/],
    ["0 0 * foo *", /no recurrence/],
    ["@reboot", /there are @yearly/],
    ["5-1 * * * *", /no recurrence/],
    ["", /0 fields/],
    [`${"1,".repeat(200)}1 * * * *`, /at most 256 characters/],
  ])("%j is refused", (text, sentence) => {
    expect(() => parseRecurrence(text, "UTC")).toThrow(sentence);
    expect(() => parseRecurrence(text, "UTC")).toThrow(PolicyTextError);
  });

  it("is read in a zone that there is", () => {
    expect(() => parseRecurrence("* * * * *", "Mars/Olympus")).toThrow(/"Mars\/Olympus" is no time zone/);
  });
});

describe("a start time", () => {
  const NOW = seconds("2026-11-20T10:00:00Z");

  it.each([
    ["2nd oct 2017 15:45", "2017-10-02T13:45"],
    ["2 October 2017, 15:45", "2017-10-02T13:45"],
    ["oct 2nd, 2017 3:45 pm", "2017-10-02T13:45"],
    ["Mon Oct  2 15:45:00 2017", "2017-10-02T13:45"],
    ["Mon, 02 Oct 2017 15:45:00 +0200", "2017-10-02T13:45"],
    ["2017-10-02 15:45:00", "2017-10-02T13:45"],
    ["2017-10-02T15:45:00Z", "2017-10-02T15:45"],
    ["20171002T154500Z", "2017-10-02T15:45"],
    ["2017-10-02 15:45 -03:00", "2017-10-02T18:45"],
    ["2017/10/02 15:45", "2017-10-02T13:45"],
    ["02/10/2017 15:45", "2017-10-02T13:45"],
    ["10/02/2017", "2017-02-09T23:00"],
    ["2017-10-02", "2017-10-01T22:00"],
    ["1506951900", "2017-10-02T13:45"],
    [1506951900, "2017-10-02T13:45"],
    ["15:45", "2026-11-20T14:45"],
    ["2nd oct 15:45", "2026-10-02T13:45"],
    ["2026-03-29 02:30", "2026-03-29T01:00"],
    ["2026-10-25 02:30", "2026-10-25T00:30"],
    ["2028-02-29 12:00", "2028-02-29T11:00"],
    ["29 feb 12:00", undefined],
  ])("%j is %s", (text, expected) => {
    expect(iso(parseStartTime(text, BERLIN).at(NOW))).toBe(expected);
  });

  it.each([
    "tomorrow",
    "",
    "2017-02-30",
    "2026-02-29 12:00",
    "25:00",
    "12:60",
    "13:00 pm",
    "13/13/2017",
    "2 foo 2017",
    "2017-10-02 15:45 MARS",
  ])("%j is refused", (text) => {
    expect(() => parseStartTime(text, BERLIN)).toThrow(/is no time; allowed are/);
  });
});

describe("a zone", () => {
  it("finds the moment of every hour that its clocks show, over two years", () => {
    for (const name of [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]) {
      const zone = openZone(name);
      for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2028, 0, 1); at += 6 * 3_600_000 + 1_800_000) {
        const found = zone.epochMs(zone.wallAt(at));
        // Of a time that is shown twice, the first.
        expect([at, at - 3_600_000, at - 1_800_000]).toContain(found);
        expect(zone.wallAt(found)).toEqual(zone.wallAt(at));
      }
    }
  });
});

describe("a scheduled policy", () => {
  const texts = createPolicyTexts("UTC");
  const NINE: ScheduledPolicy = { type: "CARDINALITY", adjust: 6, recurrence: "0 9 * * *" };
  const at = (text: string) => seconds(`2026-11-20T${text}Z`);

  it("never fires for what lies before its first look", () => {
    const policy: ScheduledPolicy = { type: "CARDINALITY", adjust: 6, start_time: "2026-11-20 09:00" };
    expect(dueAt(policy, at("09:30"), texts)).toEqual({ kind: "first_look", next: undefined });
    expect(dueAt({ ...policy, last_eval: at("09:30") }, at("10:00"), texts).kind).toBe("not_due");
  });

  it("fires once at the first look after its time, that very second included", () => {
    const policy = { ...NINE, last_eval: at("08:59") };
    expect(dueAt(policy, at("08:59:59"), texts)).toEqual({ kind: "not_due", next: at("09:00") });
    expect(dueAt(policy, at("09:00"), texts)).toEqual({ kind: "due", at: at("09:00") });
    expect(dueAt({ ...policy, last_eval: at("09:00") }, at("09:00:30"), texts).kind).toBe("not_due");
  });

  it("fires once for all that fell into a time when nobody looked", () => {
    const policy = { ...NINE, last_eval: seconds("2026-11-10T12:00:00Z") };
    expect(dueAt(policy, at("10:00"), texts).kind).toBe("due");
    expect(dueAt({ ...policy, last_eval: at("10:00") }, at("10:30"), texts).kind).toBe("not_due");
  });

  it("fires as well after a restart with what was last kept, and not again when that was its firing", () => {
    const role = scriptedRole({ min_vms: 1, max_vms: 9, scheduled_policies: [NINE] });
    expect(role.look(at("08:00")).mustKeep).toBe(true);
    const kept = role.role();
    // Looks in between need not be kept: from the one that was, the same follows.
    expect(role.look(at("08:30")).mustKeep).toBe(false);
    role.change(kept);
    expect(role.look(at("09:10")).scaling?.cardinality).toBe(6);
    const { scaling } = role.look(at("09:20"));
    expect(scaling).toBeUndefined();
  });

  it("must be kept too when it fired and changed nothing", () => {
    const role = scriptedRole({ cardinality: 6, min_vms: 1, max_vms: 9, scheduled_policies: [NINE] });
    role.look(at("08:00"));
    const decision = role.look(at("09:10"));
    expect(decision).toMatchObject({ scaling: undefined, mustKeep: true });
    expect(decision.explanation.policies[0]?.prevention).toEqual({ reason: "same_cardinality" });
  });

  it("repeats nothing when the clock is set back, and forgets a clock that was far ahead", () => {
    const role = scriptedRole({
      min_vms: 1,
      max_vms: 9,
      scheduled_policies: [{ ...NINE, last_eval: at("08:00") }],
    });
    expect(role.step(at("09:10"))?.cardinality).toBe(6);
    role.change({ cardinality: 2 });
    expect([at("08:50"), at("09:00"), at("09:05"), at("09:11")].map((now) => role.step(now))).toEqual(
      Array(4).fill(undefined),
    );
    const ahead = { ...NINE, last_eval: at("09:00") + 400 * 86_400 };
    expect(dueAt(ahead, at("10:00"), texts).kind).toBe("first_look");
  });

  it("that waits behind an earlier one fires at the next look", () => {
    const second: ScheduledPolicy = { ...NINE, adjust: 3 };
    const role = scriptedRole({ min_vms: 1, max_vms: 9, scheduled_policies: [NINE, second] });
    role.step(at("08:00"));
    expect([at("09:00"), at("09:10"), at("09:20")].map((now) => role.step(now)?.cardinality)).toEqual([
      6,
      3,
      undefined,
    ]);
  });

  it("that cannot be read is ignored, and says so", () => {
    const role = scriptedRole({ scheduled_policies: [{ ...NINE, recurrence: "often" }] });
    const decision = role.look(at("09:00"));
    expect(decision).toMatchObject({ scaling: undefined, noted: {} });
    expect(decision.explanation.policies[0]?.prevention?.reason).toBe("unreadable");
  });

  it("with nothing to do is woken for its next time", () => {
    const period = {
      type: "CHANGE",
      adjust: 1,
      expression: "A > 1",
      period: 60,
      last_eval: at("08:00"),
    } as const;
    const role = { name: "a", cardinality: 1, scheduled_policies: [{ ...NINE, last_eval: at("08:00") }] };
    expect(wakeAt(role, at("08:00:10"), texts)).toBe(at("09:00"));
    expect(wakeAt({ ...role, elasticity_policies: [period] }, at("08:00:10"), texts)).toBe(at("08:01"));
    expect(wakeAt({ name: "a", cardinality: 1 }, at("08:00"), texts)).toBeUndefined();
  });
});

describe("the seed's example Time_windows", () => {
  it("has 6 VMs from 9, 10 from 13, and 2 from 22:30 and at the weekend", () => {
    const days = "* * mon,tue,wed,thu,fri";
    const policy = (recurrence: string, adjust: number) =>
      ({ type: "CARDINALITY", recurrence, adjust }) as const;
    const role = scriptedRole(
      {
        cardinality: 1,
        min_vms: 1,
        max_vms: 15,
        scheduled_policies: [
          policy(`0 9 ${days}`, 6),
          policy(`0 13 ${days}`, 10),
          policy(`30 22 ${days}`, 2),
        ],
      },
      { zone: BERLIN },
    );
    const changes: string[] = [];
    // From Thursday 2026-10-22 to Tuesday: the clocks go back in the night to Sunday.
    for (let now = seconds("2026-10-22T05:00:00Z"); now < seconds("2026-10-27T05:00:00Z"); now += 60) {
      const scaling = role.step(now);
      if (scaling !== undefined) changes.push(`${iso(now)} ${scaling.cardinality}`);
    }
    expect(changes).toEqual([
      "2026-10-22T07:00 6",
      "2026-10-22T11:00 10",
      "2026-10-22T20:30 2",
      "2026-10-23T07:00 6",
      "2026-10-23T11:00 10",
      "2026-10-23T20:30 2",
      "2026-10-26T08:00 6",
      "2026-10-26T12:00 10",
      "2026-10-26T21:30 2",
    ]);
  });
});
