/** What the daemon tells an oned that takes its time: bounded, and the newest of what only that counts. */

import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { CorePipe } from "../../gateway/monitor/dropin/core-pipe.ts";
import { eventually } from "../support/monitor-daemon.ts";

describe("an oned that does not read", () => {
  const whole = (name: string) => ({ name, isWhole: true });
  const part = (name: string) => ({ name, isWhole: false });

  function stalled() {
    const heard: string[] = [];
    let read: (() => void) | undefined;
    const output = new Writable({
      write(piece, _encoding, done) {
        heard.push(String(piece));
        read = done;
      },
    });
    const input = new PassThrough();
    const pipe = new CorePipe({ input, output, onLine: () => undefined, onBroken: () => undefined });
    const ended = pipe.read();
    return {
      pipe,
      input,
      ended,
      heard,
      /** oned reads all there is, and what comes of that. */
      async readOn() {
        for (let quiet = 0; quiet < 3; quiet += 1) {
          const done = read;
          read = undefined;
          done?.();
          if (done !== undefined) quiet = 0;
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    };
  }

  it("is told the newest of each host and of its VMs' full lists, and every change since, in order", async () => {
    const { pipe, input, ended, heard, readOn } = stalled();
    input.write("INIT\nRAFT_STATUS - -1 \n");
    await eventually(() => heard.length > 0);
    pipe.send("on its way\n");
    pipe.send("SYSTEM 1 old\n", whole("SYSTEM 1"));
    pipe.send("STATE 1 full old\n", whole("STATE 1"));
    pipe.send("STATE 1 change old\n", part("STATE 1"));
    pipe.send("ERROR 1\n", whole("ERROR 1"));
    pipe.send("SYSTEM 2\n", whole("SYSTEM 2"));
    pipe.send("SYSTEM 1 new\n", whole("SYSTEM 1"));
    pipe.send("STATE 1 full\n", whole("STATE 1"));
    pipe.send("LOG\n");
    pipe.send("STATE 1 change\n", part("STATE 1"));
    pipe.send("STATE 1 another\n", part("STATE 1"));
    await readOn();
    expect(heard.join("")).toBe(
      "INIT SUCCESS\non its way\nERROR 1\nSYSTEM 2\nSYSTEM 1 new\nSTATE 1 full\nLOG\nSTATE 1 change\nSTATE 1 another\n",
    );
    input.end();
    await ended;
    expect(() => pipe.send("late\n")).toThrow("closed");
  });

  it("is told nothing more of hosts that waits when that is dropped, and the rest", async () => {
    const { pipe, input, ended, heard, readOn } = stalled();
    input.write("INIT\nRAFT_STATUS - -1 \n");
    await eventually(() => heard.length > 0);
    pipe.send("on its way\n");
    pipe.send("STATE 1 full\n", whole("STATE 1"));
    pipe.send("LOG\n");
    pipe.send("STATE 1 change\n", part("STATE 1"));
    pipe.send("SYSTEM 2\n", whole("SYSTEM 2"));
    pipe.dropReports();
    pipe.send("STATE 1 later\n", part("STATE 1"));
    await readOn();
    expect(heard.join("")).toBe("INIT SUCCESS\non its way\nLOG\nSTATE 1 later\n");
    input.end();
    await ended;
  });

  it("has so much waiting for it and no more, and is told on when it reads", async () => {
    const { pipe, input, ended, heard, readOn } = stalled();
    input.write("INIT\nRAFT_STATUS - -1 \n");
    await eventually(() => heard.length > 0);
    const line = `${"x".repeat(16 * 1024 * 1024 - 200)}\n`;
    pipe.send("on its way\n");
    for (let lines = 0; lines < 4; lines += 1) pipe.send(line, part("STATE 1"));
    expect(() => pipe.send(line)).toThrow("oned does not read");
    for (let reads = 0; reads < 4; reads += 1) await readOn();
    pipe.send("more\n");
    await readOn();
    expect([heard.length, heard.at(-1)]).toEqual([7, "more\n"]);
    input.end();
    await ended;
  });

  it("is no broken one where the daemon itself ends the pipe, asked by a signal", async () => {
    const broken: string[] = [];
    const input = new PassThrough();
    const pipe = new CorePipe({
      input,
      output: new PassThrough(),
      onLine: () => undefined,
      onBroken: (reason) => void broken.push(reason),
    });
    const ended = pipe.read();
    input.destroy();
    await ended;
    expect(broken).toEqual([]);
  });

  it("is told nothing before it listens", async () => {
    const { pipe, input, ended, heard, readOn } = stalled();
    pipe.send("LOG\n");
    input.write("INIT\n");
    await eventually(() => heard.length > 0);
    await readOn();
    expect(heard).toEqual(["INIT SUCCESS\n"]);
    input.write("RAFT_STATUS - -1 \n");
    await eventually(() => heard.length > 1);
    expect(heard.at(-1)).toBe("LOG\n");
    input.end();
    await ended;
  });
});
