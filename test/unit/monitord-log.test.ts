/** Where the daemon that oned starts writes its log: syslog, the file, and oned itself. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { monitordLogger } from "../../gateway/main/monitord-log.ts";
import { coreLogger } from "../../gateway/monitor/dropin/core-log.ts";
import { silentLogger } from "../../shared/log.ts";
import { scratchDirectory } from "../support/house.ts";
import { manualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/monitor-daemon.ts";

describe("SYSLOG", () => {
  let scratch: ReturnType<typeof scratchDirectory>;

  beforeEach(() => {
    scratch = scratchDirectory("syslog");
  });

  afterEach(() => scratch.remove());

  const conf = 'LOG = [ SYSTEM = "SYSLOG", DEBUG_LEVEL = 2 ]';
  const at = (name: string) => join(scratch.path, name);
  const read = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), "utf8") : "");
  const logger = () =>
    monitordLogger({
      text: conf,
      logFile: at("monitor.log"),
      environment: { PATH: scratch.path },
      clock: manualClock(),
    });

  it("goes to logger, a line with its priority each, and of it to the file what went wrong", async () => {
    writeFileSync(
      at("logger"),
      `#!/bin/sh\necho "$@" > ${at("arguments")}\nexec /bin/cat > ${at("heard")}\n`,
      {
        mode: 0o755,
      },
    );
    const log = logger();
    log.warn({ host: 3 }, "Something is wrong");
    log.error({}, "More is");
    log.debug({}, "left out");
    await eventually(() => read("heard").includes("More"));
    expect(read("heard")).toBe("<4>WARN  Something is wrong host=3\n<3>ERROR More is\n");
    expect(read("arguments")).toMatch(/--prio-prefix .*--tag one_monitor --id=\d+/);
    // After an error the process may end before it is known that there is no syslog.
    expect(read("monitor.log")).toMatch(/^\S+ \S+ ERROR More is\n$/);
  });

  it("goes to the file where there is no logger, from the first line on", () => {
    const log = logger();
    log.info({}, "First");
    expect(read("monitor.log")).toContain("INFO  First");
  });

  it("goes to the file where logger finds no syslog, with what it was given before that", async () => {
    writeFileSync(at("logger"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const log = logger();
    log.info({}, "First");
    log.error({}, "Second");
    expect(read("monitor.log")).toContain("ERROR Second");
    await eventually(() => read("monitor.log").includes("INFO  First"));
    log.info({}, "Third");
    expect(read("monitor.log").match(/First|Second|Third/g)).toEqual(["Second", "First", "Third"]);
  });
});

describe("the log", () => {
  it("goes to oned where something is wrong, so often and no more, and without a secret", () => {
    const clock = manualClock();
    const lines: string[] = [];
    const log = coreLogger(silentLogger, clock, (line) => void lines.push(line));
    log.info({}, "all is well");
    log.warn({ password: "hidden", host: 3 }, "Something is wrong");
    for (let more = 0; more < 50; more += 1) log.error({}, "Again");
    expect(lines.length).toBe(20);
    clock.advance(10_000);
    log.error({}, "Later");
    expect(lines.length).toBe(21);
    const [type, level, oid, body = ""] = lines[0]?.trimEnd().split(" ") ?? [];
    expect([type, level, oid]).toEqual(["LOG", "W", "-1"]);
    expect(inflateSync(Buffer.from(body, "base64")).toString()).toBe(
      'Something is wrong {"password":"[redacted]","host":3}',
    );
  });
});
