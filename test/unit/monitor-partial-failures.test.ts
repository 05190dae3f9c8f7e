import { describe, expect, it } from "vitest";
import { withPartialFailures } from "../../gateway/monitor/partial-failures.ts";
import type { Message } from "../../shared/monitor/message.ts";

const success: Message = {
  type: "SYSTEM_HOST",
  status: "SUCCESS",
  oid: 3,
  timestamp: 1_700_000_000,
  delivery: 8,
  reading: { kind: "host", attributes: { TOTALCPU: "200" }, wilds: [] },
};
const failure: Message = {
  type: "SYSTEM_HOST",
  status: "FAILURE",
  oid: 3,
  timestamp: 1_700_000_000,
  delivery: 7,
  reading: { kind: "failure", text: "Error executing pci.sh: no" },
};

describe("a failure in a frame", () => {
  it("is a line of log beside a success of its round, and keeps its number", () => {
    expect(withPartialFailures([failure, success])).toEqual([
      {
        ...failure,
        type: "LOG",
        status: "W",
        reading: {
          kind: "log",
          level: "warning",
          text: "SYSTEM_HOST failed in part: Error executing pci.sh: no",
        },
      },
      success,
    ]);
  });

  it.each([
    ["alone", undefined],
    ["beside another type", { type: "MONITOR_HOST" }],
    ["beside another host", { oid: 4 }],
    ["beside another round", { timestamp: 1_700_000_600 }],
    ["beside another failure", { ...failure }],
  ] as const)("stays a failure %s", (_where, part) => {
    const messages = part === undefined ? [failure] : [failure, { ...success, ...part } as Message];
    expect(withPartialFailures(messages)[0]).toBe(failure);
  });
});
