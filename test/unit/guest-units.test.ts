import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";

const unit = (name: string) => fileURLToPath(new URL(`../../agent/guest/units/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "gatehouse-units-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("READY is reported at each boot", () => {
  it("by the systemd unit: once a boot, after the context, for as long as its checks need", () => {
    const lines = readFileSync(unit("onegate-ready.service"), "utf8").split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "After=network-online.target one-context.service",
        "Type=oneshot",
        "ExecStart=/usr/bin/onegate ready",
        "TimeoutStartSec=infinity",
        "WantedBy=multi-user.target",
      ]),
    );
  });

  it("by the rc script: at each start, without holding the boot up", async () => {
    const [command, log, go] = ["onegate", "log", "go"].map((name) => join(directory, name));
    const script = `#!/bin/sh\nuntil [ -e ${go} ]; do sleep 0.02; done\necho "$@"\n`;
    writeFileSync(command ?? "", script, { mode: 0o755 });
    const env = { PATH: process.env.PATH, ONEGATE: command, ONEGATE_READY_LOG: log };
    for (let boot = 0; boot < 2; boot += 1) execFileSync("sh", [unit("onegate-ready.rc"), "start"], { env });
    expect(existsSync(log ?? "") && readFileSync(log ?? "", "utf8")).toBeOneOf([false, ""]);
    writeFileSync(go ?? "", "");
    await vi.waitFor(() => expect(readFileSync(log ?? "", "utf8")).toBe("ready\nready\n"), {
      timeout: 10_000,
    });
  });
});
