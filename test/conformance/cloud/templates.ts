/** VM templates, and the VMs made from them. */

import { expect, it } from "vitest";
import { stringOf, vectorOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, phase, text, untilPhase } from "./setup.ts";

const WEB = `NAME = "web" CPU = "0.1" MEMORY = "64" COLOUR = "blue" SHAPE = "round"
  CONTEXT = [ GREETING = "hello", TOPIC = "weather" ] DISK = [ IMAGE = "a", SIZE = "9" ]`;

export function templateTests(current: () => CloudUnderTest): void {
  it("keep their text under a name, in their maker's hands", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.templates.allocate(alice, text(WEB));
    const { NAME: _, ...rest } = text(WEB);
    const made = await cloud.templates.get(alice, id);
    expect(made).toMatchObject({ name: "web", template: rest });
    expect(made.registrationTime).toBeGreaterThan(0);
    await expect(cloud.templates.get(bob, id)).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.templates.allocate(alice, { CPU: "1" })).rejects.toMatchObject({
      code: "bad_request",
    });
  });

  it("are updated: appended name by name, with an empty vector removed, or replaced", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.templates.allocate(alice, text('NAME = "t" A = "1" B = "2" C = [ X = "1" ]'));
    await cloud.templates.update(alice, id, { A: "3", B: {}, D: "4" }, "append");
    expect((await cloud.templates.get(alice, id)).template).toEqual({ A: "3", C: { X: "1" }, D: "4" });
    await cloud.templates.update(alice, id, { E: "5" }, "replace");
    expect((await cloud.templates.get(alice, id)).template).toEqual({ E: "5" });
    await expect(cloud.templates.update(bob, id, { F: "6" }, "append")).rejects.toMatchObject({
      code: "forbidden",
    });
    expect((await cloud.templates.get(alice, id)).template).toEqual({ E: "5" });
  });

  it("are cloned by whoever may use them, into their own", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.templates.allocate(alice, text(WEB));
    await expect(cloud.templates.clone(bob, id, "copy")).rejects.toMatchObject({ code: "forbidden" });
    await cloud.templates.chmod(alice, id, [-1, -1, -1, 1, 0, 0, 0, 0, 0]);
    const copy = await cloud.templates.clone(bob, id, "copy");
    expect(copy).not.toBe(id);
    expect(await cloud.templates.get(bob, copy)).toMatchObject({
      name: "copy",
      uid: bob.uid,
      mode: 0o600,
      template: (await cloud.templates.get(alice, id)).template,
    });
    await cloud.templates.update(bob, copy, { COLOUR: "red" }, "append");
    expect((await cloud.templates.get(alice, id)).template.COLOUR).toBe("blue");
    await expect(cloud.templates.clone(alice, id, "web")).rejects.toMatchObject({ code: "conflict" });
  });

  it("are deleted by managers, and their VMs live on", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.templates.allocate(alice, text(WEB));
    const vmId = await cloud.templates.instantiate(alice, id, { hold: true });
    await expect(cloud.templates.delete(bob, id)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.templates.delete(alice, id);
    await expect(cloud.templates.instantiate(alice, id, {})).rejects.toMatchObject({
      code: "not_found",
      message: `Error getting virtual machine template [${id}].`,
    });
    expect(phase(await cloud.vms.get(alice, vmId))).toBe("HOLD");
  });

  it("make VMs of those who may use them, named after the template or as asked, %i being the VM's id", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.templates.allocate(alice, text(WEB));
    await expect(cloud.templates.instantiate(bob, id, {})).rejects.toMatchObject({ code: "forbidden" });
    await cloud.templates.chmod(alice, id, [-1, -1, -1, 1, 0, 0, 0, 0, 0]);
    const byDefault = await cloud.templates.instantiate(bob, id, {});
    const asked = await cloud.templates.instantiate(bob, id, { name: "%i-of-%i" });
    const inText = await cloud.templates.instantiate(bob, id, { extra: { NAME: "mine-%i" } });
    const vm = await untilPhase(cloud, bob, byDefault, "RUNNING");
    expect(vm).toMatchObject({ name: `web-${byDefault}`, uid: bob.uid, mode: 0o600 });
    expect(stringOf(vm.template, "TEMPLATE_ID")).toBe(String(id));
    expect(stringOf(vm.template, "CREATED_BY")).toBe(String(bob.uid));
    expect((await cloud.vms.get(bob, asked)).name).toBe(`${asked}-of-${asked}`);
    expect((await cloud.vms.get(bob, inText)).name).toBe(`mine-${inText}`);
  });

  it("are overlaid by what is given: each name replaces what the template has of it, vectors as a whole", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.templates.allocate(alice, text(WEB));
    const extra = text(`MEMORY = "128" COLOUR = "red" SIZE = "big" CONTEXT = [ TOPIC = "news", NEW = "1" ]
      DISK = [ IMAGE = "c" ]`);
    const vmId = await cloud.templates.instantiate(alice, id, { hold: true, extra });
    const vm = await cloud.vms.get(alice, vmId);
    expect(vm.template).toMatchObject({ CPU: "0.1", MEMORY: "128" });
    expect(vectorOf(vm.template, "CONTEXT")).toMatchObject({ TOPIC: "news", NEW: "1" });
    expect(vm.template.CONTEXT).not.toHaveProperty("GREETING");
    expect(vm.template.DISK).toMatchObject({ IMAGE: "c" });
    expect(vm.template.DISK).not.toHaveProperty("SIZE");
    expect(vm.userTemplate).toEqual({ COLOUR: "red", SHAPE: "round", SIZE: "big" });
    const { NAME: _, ...rest } = text(WEB);
    expect((await cloud.templates.get(alice, id)).template).toEqual(rest);
  });
}
