import { describe, expect, it } from "vitest";
import { type AgentParts, pushAll, runAgent } from "../../agent/guest/agent.ts";
import { RefusedError } from "../../agent/guest/client.ts";
import { hurriedClock } from "../support/hurried-clock.ts";

const refusal = (status: number, body: string) =>
  new RefusedError({ status, statusText: "", headers: {}, body });

/** An agent that stops after so many rounds; `push` gives each round's outcome. */
function agentOf(
  rounds: number,
  push: (round: number, text: string) => void,
  changes: Partial<AgentParts> = {},
) {
  const clock = hurriedClock();
  const stopper = new AbortController();
  const log: string[] = [];
  const pushed: string[] = [];
  let round = 0;
  const parts: AgentParts = {
    intervalMs: 10_000,
    clock,
    random: () => 0.5,
    measure: async () => {
      round += 1;
      if (round === rounds) stopper.abort();
      return [{ name: "MEM_USED_PERC", value: "12.34" }];
    },
    collect: async () => [],
    push: async (text) => {
      pushed.push(text);
      push(round, text);
    },
    log: (line) => log.push(line),
    stop: stopper.signal,
    ...changes,
  };
  return { parts, clock, log, pushed };
}

describe("the guest agent", () => {
  it("sends everything in one PUT, its own figures first", async () => {
    const { parts, pushed } = agentOf(9, () => undefined, {
      collect: async () => [
        { name: "APP_LOAD", value: "9.7" },
        { name: "mem_used_perc", value: "faked" },
      ],
    });
    await pushAll(parts);
    expect(pushed).toEqual(["MEM_USED_PERC=12.34\nAPP_LOAD=9.7"]);
  });

  it("sends nothing when there is nothing", async () => {
    const { parts, pushed } = agentOf(9, () => undefined, { measure: async () => [] });
    await pushAll(parts);
    expect(pushed).toEqual([]);
  });

  it("pushes every interval, give or take a tenth, until it is stopped", async () => {
    const calm = agentOf(4, () => undefined);
    await runAgent(calm.parts);
    expect(calm.clock.waits).toEqual([10_000, 10_000, 10_000]);
    const early = agentOf(2, () => undefined, { random: () => 0 });
    await runAgent(early.parts);
    expect(early.clock.waits).toEqual([9000]);
    const late = agentOf(2, () => undefined, { random: () => 1 });
    await runAgent(late.parts);
    expect(late.clock.waits).toEqual([11_000]);
    expect(calm.log).toEqual([]);
  });

  it("slows down while the server fails, five minutes at most, and says it once, and its end once", async () => {
    const { parts, clock, log } = agentOf(11, (round) => {
      if (round <= 8) throw new Error(`failure ${round}`);
    });
    await runAgent(parts);
    expect(clock.waits.map((ms) => ms / 1000)).toEqual([20, 40, 80, 160, 300, 300, 300, 300, 10, 10]);
    expect(log).toEqual(["Metrics cannot be sent: failure 1", "Metrics are sent again."]);
  });

  it("never pushes more often than asked, however long the interval", async () => {
    const { parts, clock } = agentOf(
      3,
      () => {
        throw new Error("down");
      },
      { intervalMs: 900_000 },
    );
    await runAgent(parts);
    expect(clock.waits).toEqual([900_000, 900_000]);
  });

  it("sends its own figures alone when the server refuses what executables print, and says it once", async () => {
    const { parts, pushed, log } = agentOf(
      6,
      (round, text) => {
        if (round <= 3 && text.includes("ROLE_NAME")) {
          throw refusal(403, "Attribute (ROLE_NAME) cannot be modified");
        }
      },
      { collect: async () => [{ name: "ROLE_NAME", value: "x" }] },
    );
    await runAgent(parts);
    expect(pushed.slice(0, 2)).toEqual(["MEM_USED_PERC=12.34\nROLE_NAME=x", "MEM_USED_PERC=12.34"]);
    expect(log).toEqual([
      "What the executables print is refused: Attribute (ROLE_NAME) cannot be modified. The guest's own figures are sent without it.",
      "What the executables print is taken again.",
    ]);
  });

  it("does not blame the executables for a wrong token", async () => {
    const { parts, pushed, log } = agentOf(
      2,
      () => {
        throw refusal(401, "Not authorized");
      },
      { collect: async () => [{ name: "A", value: "x" }] },
    );
    await runAgent(parts);
    expect(pushed).toHaveLength(1);
    expect(log).toEqual(["Metrics cannot be sent: Not authorized"]);
  });

  it("goes on after a failure that nobody foresaw", async () => {
    let calls = 0;
    const { parts, pushed } = agentOf(3, () => undefined, {
      collect: async () => {
        calls += 1;
        if (calls === 1) throw new TypeError("unforeseen");
        return [];
      },
    });
    await runAgent(parts);
    expect(pushed).toHaveLength(1);
  });
});
