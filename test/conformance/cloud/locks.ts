/** Locks: what they refuse, to everybody, and who may end them. */

import { expect, it } from "vitest";
import type { CloudUnderTest } from "./setup.ts";

export function lockTests(current: () => CloudUnderTest): void {
  it.each([
    [1, "MANAGE and ADMIN"],
    [2, "MANAGE and ADMIN"],
    [3, "ADMIN"],
  ] as const)(
    "of level %i refuse what takes %s, to administrators too, and leave use free",
    async (level, refused) => {
      const { cloud, admin, user } = current();
      const alice = await user("alice");
      const id = await cloud.documents.allocate(alice, { type: 100, name: "d", body: { a: 1 } });
      await cloud.documents.chmod(admin, id, [1, 1, 1, 1, 1, 1, 1, 1, 1]);
      await cloud.documents.lock(alice, id, level);
      const locked = { code: "locked", message: `The resource document is locked. [${id}].` };
      for (const actor of [alice, admin]) {
        expect(await cloud.documents.get(actor, id)).toMatchObject({ name: "d" });
        const managing = cloud.documents.update(actor, id, { a: 2 });
        if (refused === "ADMIN") await managing;
        else await expect(managing).rejects.toMatchObject(locked);
        // An admin bit takes ADMIN.
        const administering = cloud.documents.chmod(actor, id, [-1, -1, 0, -1, -1, -1, -1, -1, -1]);
        await expect(administering).rejects.toMatchObject(locked);
      }
      await cloud.documents.unlock(alice, id);
      await cloud.documents.update(alice, id, { a: 3 });
      await cloud.documents.delete(alice, id);
    },
  );

  it.each([1, 2, 3] as const)(
    "of level %i are ended or replaced by who made them, and administrators",
    async (level) => {
      const { cloud, admin, user } = current();
      const alice = await user("alice");
      const bob = await user("bob");
      const id = await cloud.templates.allocate(alice, { NAME: "t" });
      await cloud.templates.chmod(admin, id, [1, 1, 1, 1, 1, 1, 1, 1, 1]);
      await cloud.templates.lock(alice, id, level);
      for (const refused of [cloud.templates.unlock(bob, id), cloud.templates.lock(bob, id, 2)]) {
        await expect(refused).rejects.toMatchObject({ code: "locked" });
      }
      await cloud.templates.lock(alice, id, 1);
      await expect(cloud.templates.rename(bob, id, "new")).rejects.toMatchObject({ code: "locked" });
      await cloud.templates.unlock(admin, id);
      await cloud.templates.rename(bob, id, "new");
      await cloud.templates.unlock(bob, id);
    },
  );

  it("stop actions on VMs, and their deletion of what they hold", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.vms.allocate(alice, { NAME: "vm" }, { hold: true });
    await expect(cloud.vms.lock(bob, id, 1)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.vms.lock(alice, id, 1);
    for (const refused of [
      cloud.vms.act(alice, id, "release"),
      cloud.vms.act(alice, id, "terminate"),
      cloud.vms.updateUserTemplate(alice, id, { A: "1" }, "append"),
      cloud.vms.rename(alice, id, "new"),
      cloud.vms.chown(alice, id, { gid: alice.gid }),
    ]) {
      await expect(refused).rejects.toMatchObject({ code: "locked" });
    }
    await cloud.vms.unlock(alice, id);
    await cloud.vms.act(alice, id, "terminate");
  });
}
