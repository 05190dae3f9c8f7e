import { describe, expect, it, vi } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { phase } from "../conformance/cloud/setup.ts";
import { FAILURE, type Script } from "../support/scripted-driver.ts";
import { type HouseOptions, type ScriptedHouse, scriptedHouse } from "../support/scripted-house.ts";

const failing =
  (operation: string): Script =>
  (asked) =>
    asked === operation ? "fail" : "succeed";
const holding =
  (operation: string): Script =>
  (asked) =>
    asked === operation ? "hold" : "succeed";

/** A house with a VM of one address, and how many addresses are taken. */
async function houseWithVm(options: HouseOptions = {}) {
  const house = await scriptedHouse(options);
  const range = { TYPE: "IP4", IP: "10.0.0.1", SIZE: "9" };
  const networkId = await house.cloud.networks.allocate(SYSTEM, { NAME: "n", AR: range });
  const nic = { NETWORK_ID: String(networkId) };
  const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm", NIC: nic });
  const act = (action: Parameters<ScriptedHouse["cloud"]["vms"]["act"]>[2]) =>
    house.cloud.vms.act(SYSTEM, id, action);
  const leases = async () =>
    [...(await house.cloud.networks.detail(SYSTEM, networkId)).leases.values()].flat().length;
  return { ...house, id, act, leases };
}

function movesOf({ events }: ScriptedHouse, vmId: number): string[] {
  return events.flatMap((event) =>
    event.kind === "vm_state" && event.vm.id === vmId ? [phase(event.vm)] : [],
  );
}

describe("a driver that fails", () => {
  it("to deploy leaves BOOT_FAILURE with the reason, and terminate works from there", async () => {
    const { driver, id, until, act, leases } = await houseWithVm({ script: failing("deploy") });
    const failed = await until(id, "BOOT_FAILURE");
    expect(failed.userTemplate).toMatchObject({ ERROR: FAILURE });
    expect(failed.deployId).toBe("");
    await act("terminate");
    const ended = await until(id, "DONE");
    expect(ended.etime).toBeGreaterThan(0);
    expect(await leases()).toBe(0);
    expect(driver.asked.slice(-2)).toEqual(["shutdown-hard in CLEANUP_DELETE", "cleanup in CLEANUP_DELETE"]);
  });

  it("to deploy may succeed when an administrator has it tried again, and the reason goes", async () => {
    const { cloud, driver, id, until } = await houseWithVm({ script: failing("deploy") });
    await until(id, "BOOT_FAILURE");
    driver.follow(() => "succeed");
    await cloud.vms.recover(SYSTEM, id, "retry");
    expect(await until(id, "RUNNING")).toMatchObject({ userTemplate: {}, deployId: `scripted:${id}` });
  });

  it("to suspend goes back to RUNNING, with the reason until something succeeds", async () => {
    const { driver, id, until, act, vm } = await houseWithVm({ script: failing("suspend") });
    await until(id, "RUNNING");
    await act("suspend");
    await until(id, "SAVE_SUSPEND");
    expect((await until(id, "RUNNING")).userTemplate).toMatchObject({ ERROR: FAILURE });
    driver.follow(() => "succeed");
    await act("suspend");
    await until(id, "SUSPENDED");
    expect((await vm(id)).userTemplate).toEqual({});
  });

  it.each([
    ["shutdown", "poweroff", "RUNNING"],
    ["shutdown", "terminate", "RUNNING"],
    ["shutdown", "undeploy", "RUNNING"],
    ["shutdown", "stop", "RUNNING"],
    ["shutdown-hard", "terminate-hard", "RUNNING"],
    ["shutdown-hard", "stop", "EPILOG_STOP_FAILURE"],
    ["cleanup", "undeploy", "EPILOG_UNDEPLOY_FAILURE"],
    ["cleanup", "terminate", "EPILOG_FAILURE"],
  ] as const)(
    "in its %s after %s leads to %s, and terminate-hard ends the VM from there",
    async (operation, action, rest) => {
      const house = await houseWithVm({ script: failing(operation) });
      const { driver, id, until, act, leases } = house;
      await until(id, "RUNNING");
      await act(action);
      const { promise, resolve } = Promise.withResolvers<void>();
      house.cloud.subscribe((event) => {
        if (event.kind === "vm_state" && phase(event.vm) === rest) resolve();
      });
      await promise;
      expect(await house.phase(id)).toBe(rest);
      expect(await leases()).toBe(1);
      driver.follow(() => "succeed");
      await act("terminate-hard");
      await until(id, "DONE");
      expect(await leases()).toBe(0);
    },
  );

  it("in an operation on a guest that is gone does not leave the VM RUNNING", async () => {
    const { driver, id, until, act } = await houseWithVm({ script: holding("suspend") });
    await until(id, "RUNNING");
    await act("suspend");
    const suspend = await driver.held();
    // The guest's end comes while the phase is SAVE_SUSPEND, and suspend then finds nobody.
    driver.endGuest(id, "it fell over");
    suspend.fail("there is no guest");
    expect((await until(id, "POWEROFF")).userTemplate).toMatchObject({ ERROR: "there is no guest" });
  });

  it("to reboot says so to whoever asked, and the VM runs on", async () => {
    const { id, until, act, phase: phaseNow } = await houseWithVm({ script: failing("reboot") });
    await until(id, "RUNNING");
    await expect(act("reboot")).rejects.toMatchObject({
      code: "unavailable",
      message: `VM ${id} could not be rebooted: ${FAILURE}`,
    });
    expect(await phaseNow(id)).toBe("RUNNING");
  });
});

describe("what is asked while the driver works", () => {
  it("terminate-hard during a deploy ends the VM once the deploy has settled, either way", async () => {
    for (const outcome of ["succeed", "fail"] as const) {
      const house = await houseWithVm({ script: holding("deploy") });
      const deploy = await house.driver.held();
      await house.act("terminate-hard");
      expect(await house.phase(house.id)).toBe("CLEANUP_DELETE");
      expect(house.driver.asked).toEqual(["deploy in BOOT"]);
      deploy[outcome]("too late");
      await house.until(house.id, "DONE");
      expect(movesOf(house, house.id)).toEqual(["PENDING", "BOOT", "CLEANUP_DELETE", "DONE"]);
      expect(house.driver.guests.size).toBe(0);
      expect(await house.leases()).toBe(0);
    }
  });

  it("is kept when the driver has finished, and told in between", async () => {
    const { cloud, driver, events, id, until } = await houseWithVm({ script: holding("deploy") });
    const deploy = await driver.held();
    await cloud.vms.updateUserTemplate(SYSTEM, id, { A: "1" }, "append");
    deploy.succeed();
    expect((await until(id, "RUNNING")).userTemplate).toEqual({ A: "1" });
    const told = events.flatMap((event) => ("vm" in event && event.vm.id === id ? [event] : []));
    for (const [index, event] of told.entries()) {
      expect(event.previous?.version).toBe(told[index - 1]?.vm.version);
    }
  });

  it("waits for a reboot under way: a guest that is powered off stays off", async () => {
    const { driver, id, until, act } = await houseWithVm({ script: holding("reboot") });
    await until(id, "RUNNING");
    const rebooted = act("reboot");
    const reboot = await driver.held();
    await act("poweroff");
    expect(driver.asked.at(-1)).toBe("reboot in RUNNING");
    reboot.succeed();
    await rebooted;
    await until(id, "POWEROFF");
    expect(driver.asked.at(-1)).toBe("shutdown in SHUTDOWN_POWEROFF");
    expect(driver.guests.size).toBe(0);
  });

  it("a reboot that another action overtakes is refused, and boots nothing", async () => {
    const { driver, id, until, act } = await houseWithVm();
    await until(id, "RUNNING");
    const [rebooted] = await Promise.allSettled([act("reboot"), act("poweroff")]);
    await until(id, "POWEROFF");
    if (rebooted.status === "rejected") expect(rebooted.reason).toMatchObject({ code: "wrong_state" });
    expect(driver.guests.size).toBe(0);
  });

  it("two reboots go one after the other", async () => {
    const { driver, id, until, act } = await houseWithVm({ script: holding("reboot") });
    await until(id, "RUNNING");
    const both = Promise.all([act("reboot"), act("reboot-hard")]);
    const first = await driver.held();
    expect(driver.asked.filter((asked) => asked.startsWith("reboot"))).toHaveLength(1);
    first.succeed();
    (await driver.held()).succeed();
    await both;
  });
});

describe("VMs that come back", () => {
  it.each([
    ["stop", "STOPPED", "BOOT_STOPPED"],
    ["undeploy", "UNDEPLOYED", "BOOT_UNDEPLOY"],
    ["poweroff", "POWEROFF", "BOOT_POWEROFF"],
    ["suspend", "SUSPENDED", "BOOT_SUSPENDED"],
  ] as const)("after %s from %s by %s", async (action, rest, boot) => {
    const house = await houseWithVm();
    await house.until(house.id, "RUNNING");
    await house.act(action);
    await house.until(house.id, rest);
    await house.act("resume");
    await house.until(house.id, "RUNNING");
    expect(movesOf(house, house.id).slice(-2)).toEqual([boot, "RUNNING"]);
  });

  it("are cleaned up after even when they are ended while they wait for a host again", async () => {
    const { cloud, driver, id, until, act, leases } = await houseWithVm();
    await until(id, "RUNNING");
    await act("stop");
    await until(id, "STOPPED");
    const [host] = await cloud.hosts.list(SYSTEM);
    await cloud.hosts.setState(SYSTEM, host?.id ?? -1, "disabled");
    await act("resume");
    await until(id, "PENDING");
    await act("terminate");
    await until(id, "DONE");
    expect(driver.asked.filter((asked) => asked.startsWith("cleanup"))).toHaveLength(1);
    expect(await leases()).toBe(0);
  });
});

describe("a guest that ends by itself", () => {
  it.each([
    ["RUNNING", []],
    ["SUSPENDED", ["suspend"]],
  ] as const)(
    "leaves its VM, %s before, in POWEROFF with the reason, and it can be resumed",
    async (rest, actions) => {
      const { driver, id, until, act, vm } = await houseWithVm();
      await until(id, "RUNNING");
      for (const action of actions) await act(action);
      await until(id, rest);
      driver.endGuest(id, "exit status 3");
      expect((await until(id, "POWEROFF")).userTemplate).toMatchObject({ ERROR: "exit status 3" });
      await act("resume");
      await until(id, "RUNNING");
      expect((await vm(id)).userTemplate).toEqual({});
    },
  );

  it("changes nothing where its end was asked for, or is already known", async () => {
    const house = await houseWithVm({ script: holding("shutdown") });
    const { driver, id, until, act } = house;
    await until(id, "RUNNING");
    await act("undeploy");
    const shutdown = await driver.held();
    driver.endGuest(id, "SIGTERM");
    shutdown.succeed();
    await until(id, "UNDEPLOYED");
    driver.endGuest(id, "again");
    driver.endGuest(999, "nobody's");
    expect(await house.phase(id)).toBe("UNDEPLOYED");
    expect(movesOf(house, id)).not.toContain("POWEROFF");
  });
});

describe("a guest in trouble", () => {
  it("shows it while it runs, once however often it is told, until its next action", async () => {
    const house = await houseWithVm();
    const { driver, id, until, act, vm } = house;
    await until(id, "RUNNING");
    for (let times = 0; times < 3; times += 1) driver.troubleGuest(id, "it loops");
    driver.troubleGuest(999, "nobody's");
    await vi.waitFor(async () => expect((await vm(id)).userTemplate).toEqual({ ERROR: "it loops" }), 10_000);
    await act("suspend");
    await until(id, "SUSPENDED");
    const told = house.events.filter((event) => event.kind === "vm_updated" && event.vm.id === id);
    expect(told).toHaveLength(1);
    expect((await vm(id)).userTemplate).toEqual({});
  });

  it("shows nothing where it is being ended", async () => {
    const { driver, id, until, act, vm } = await houseWithVm({ script: holding("shutdown") });
    await until(id, "RUNNING");
    await act("poweroff");
    const shutdown = await driver.held();
    driver.troubleGuest(id, "it did not leave");
    shutdown.succeed();
    await until(id, "POWEROFF");
    expect((await vm(id)).userTemplate).toEqual({});
  });
});
