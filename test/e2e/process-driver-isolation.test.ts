/** Whom the process driver serves, and what keeps its guests apart. */

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { marksOf, readStat } from "../../shared/guests/process-proc.ts";
import { idle, marker, pidOf, script, useProcessDrivers, written } from "../support/process-drivers.ts";

const linux = process.platform === "linux";
const root = process.getuid?.() === 0;
const drivers = useProcessDrivers(350_000);

describe.runIf(linux)("the process driver's refusals", () => {
  it("says why it will not run a VM, and does not", async () => {
    const { driver, options } = drivers.setup();
    expect(driver.refusal(drivers.newVm())).toBeUndefined();
    expect(driver.refusal(drivers.newVm({ TEMPLATE_UID: "0" }))).toBeUndefined();
    expect(driver.refusal(drivers.newVm({ CREATED_BY: "3" }))).toMatch(
      /its creator is user \[3\], who is not trusted/,
    );
    expect(driver.refusal(drivers.newVm({ CREATED_BY: ["3", "2"] }))).toMatch(/user \[3\]/);
    expect(driver.refusal(drivers.newVm({ TEMPLATE_UID: "3" }))).toMatch(
      /the owner of its template is user \[3\]/,
    );
    const { CREATED_BY: _creator, ...unknown } = drivers.newVm().template;
    expect(driver.refusal({ ...drivers.newVm(), template: unknown })).toMatch(/its creator .* is not known/);
    const { driver: off } = drivers.another({ ...options, enabled: false });
    expect(off.refusal(drivers.newVm())).toBe("Not enabled.");
    await expect(off.deploy(drivers.newVm(), idle)).rejects.toThrow("Not enabled.");
  });
});

describe.runIf(linux && root)("a guest of a server that is root", () => {
  it("has its own uid and no group, and reads neither the home nor another guest's files", async () => {
    const { driver, runDir } = drivers.setup();
    const home = join(drivers.base, "house");
    mkdirSync(home, { mode: 0o700 });
    writeFileSync(join(home, "secret"), "for the house only", { mode: 0o644 });
    const [victim, spy] = [drivers.newVm(), drivers.newVm()];
    await driver.deploy(victim, script(marker("mine", "private"), { TOKEN: "YES" }));
    await written(runDir, victim, "mine");
    const other = join(runDir, String(victim.id));
    const targets = [
      join(home, "secret"),
      join(other, "home", "mine"),
      join(other, "context", "token.txt"),
      join(other, "log"),
      join(other, "guest.json"),
    ];
    const attempts = targets.map((path) => `cat ${path} && echo LEAK >>leaks`).join("\n");
    const pid = pidOf(
      await driver.deploy(
        spy,
        script(`${attempts}\nln -s /etc/passwd ../log2\n${marker("who", "$(id -u):$(id -G)")}`),
      ),
    );
    const uid = drivers.uidBase + spy.id;
    expect(await written(runDir, spy, "who")).toBe(`${uid}:${uid}`);
    expect(marksOf(pid).uids).toEqual([uid, uid, uid]);
    const modes = ["", "context", "home", "tmp"].map((name) => statSync(join(other, name)).mode & 0o777);
    expect(modes).toEqual([0o710, 0o750, 0o700, 0o700]);
    expect(existsSync(join(runDir, String(spy.id), "home", "leaks"))).toBe(false);
    expect(existsSync(join(runDir, String(spy.id), "log2"))).toBe(false);
    const log = readFileSync(join(runDir, String(spy.id), "log"), "utf8");
    expect(log.match(/Permission denied/g)?.length).toBeGreaterThanOrEqual(targets.length);
  });

  it("is not started under a uid that another VM has", async () => {
    const { driver } = drivers.setup();
    const vm = drivers.newVm();
    await driver.deploy(vm, idle);
    const rival = { ...drivers.newVm(), id: vm.id + 65_536 };
    await expect(driver.deploy(rival, idle)).rejects.toThrow(`would share uid ${drivers.uidBase + vm.id}`);
  });

  it("is left alone by another house that has a VM of the same id, in a range of uids of its own", async () => {
    const [one, other] = [drivers.setup(), drivers.setup({ uidBase: drivers.uidBase + 65_536 })];
    const vm = drivers.newVm();
    const daemon = script(`setsid sh -c '${marker("daemon", "$$")}; exec sleep 600' &`);
    const daemons: number[] = [];
    for (const { driver, runDir } of [one, other]) {
      await driver.deploy(vm, daemon);
      daemons.push(Number(await written(runDir, vm, "daemon")));
    }
    await one.driver.shutdown(vm, true);
    expect(daemons.map((pid) => (readStat(pid)?.state ?? "Z") === "Z")).toEqual([true, false]);
    expect(await other.driver.status(vm)).toBe("running");
    await one.driver.deploy(vm, idle);
    await one.driver.cleanup(vm);
    expect(await other.driver.status(vm)).toBe("running");
    expect(readStat(daemons[1] ?? 0)?.state ?? "Z").not.toBe("Z");
  });

  it("cannot hide from its end behind another CONTEXT_DIR", async () => {
    const { driver, runDir } = drivers.setup();
    const vm = drivers.newVm();
    const shared = join(drivers.base, "shared");
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const fake = `mkdir -p ${shared}/context; ln -s /etc/passwd ${shared}/guest.json; export CONTEXT_DIR=${shared}/context`;
    await driver.deploy(vm, script(`${fake}; setsid sh -c '${marker("daemon", "$$")}; exec sleep 600' &`));
    const daemon = Number(await written(runDir, vm, "daemon"));
    await driver.shutdown(vm, false);
    expect(readStat(daemon)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
  });

  it("is not started where it could not reach its files", async () => {
    const closed = join(drivers.base, "closed");
    mkdirSync(closed, { mode: 0o700 });
    const { driver } = drivers.setup({ runDir: join(closed, "run") });
    await expect(driver.deploy(drivers.newVm(), idle)).rejects.toThrow(`${closed} needs mode o+x`);
  });

  it("may run as the server's user where no uids are set apart", async () => {
    const { driver, runDir } = drivers.setup({ uidBase: undefined });
    const vm = drivers.newVm();
    const pid = pidOf(
      await driver.deploy(vm, script(`setsid sh -c '${marker("daemon", "$$")}; sleep 600' &`)),
    );
    const daemon = Number(await written(runDir, vm, "daemon"));
    expect(marksOf(pid).uids).toContain(0);
    expect(marksOf(daemon).contextDir).toBe(join(runDir, String(vm.id), "context"));
    await driver.shutdown(vm, false);
    expect(readStat(daemon)?.state ?? "gone").toMatch(/^(gone|Z|X)$/);
  });
});
