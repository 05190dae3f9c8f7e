/** Documents: where OneFlow keeps services and their templates. */

import { expect, it } from "vitest";
import { DOCUMENT_TYPE } from "../../../gateway/cloud/model.ts";
import type { CloudUnderTest } from "./setup.ts";

const BODY = {
  name: "svc",
  state: 2,
  ratio: 1.5,
  ready: true,
  none: null,
  roles: [{ name: "front", nodes: [{ deploy_id: 7 }] }, {}],
  text: 'quotes " and \\ and ünïcode\n',
};

export function documentTests(current: () => CloudUnderTest): void {
  it("keep their type and body to the letter, replaced whole by an update", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.documents.allocate(alice, {
      type: DOCUMENT_TYPE.service,
      name: "svc",
      body: BODY,
      template: { NOTE: "kept" },
    });
    expect(await cloud.documents.get(alice, id)).toMatchObject({
      id,
      name: "svc",
      type: 100,
      body: BODY,
      template: { NOTE: "kept" },
    });
    await cloud.documents.update(alice, id, { state: 5 });
    expect(await cloud.documents.get(alice, id)).toMatchObject({
      body: { state: 5 },
      template: { NOTE: "kept" },
    });
    expect((await cloud.documents.get(alice, id)).body).toEqual({ state: 5 });
    const bare = await cloud.documents.allocate(alice, { type: DOCUMENT_TYPE.serviceTemplate, name: "bare" });
    expect(await cloud.documents.get(alice, bare)).toMatchObject({ type: 101, template: {} });
    expect((await cloud.documents.get(alice, bare)).body).toBeUndefined();
  });

  it("have a template as others do, with the body as its BODY", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.documents.allocate(alice, {
      type: DOCUMENT_TYPE.service,
      name: "svc",
      body: { a: 1 },
      template: { A: "1", B: "2" },
    });
    await cloud.documents.updateTemplate(alice, id, { A: {}, C: "3", BODY: '{"a":2}' }, "append");
    expect(await cloud.documents.get(alice, id)).toMatchObject({ body: { a: 2 } });
    expect((await cloud.documents.get(alice, id)).template).toEqual({ B: "2", C: "3" });
    await cloud.documents.updateTemplate(alice, id, { BODY: '{"a":3}' }, "replace");
    const replaced = await cloud.documents.get(alice, id);
    expect([replaced.body, replaced.template]).toEqual([{ a: 3 }, {}]);
    await expect(cloud.documents.updateTemplate(alice, id, { BODY: "{" }, "append")).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(cloud.documents.updateTemplate(bob, id, { A: "1" }, "append")).rejects.toMatchObject({
      code: "forbidden",
    });
    expect(await cloud.documents.get(alice, id)).toEqual(replaced);
  });

  it("are cloned by whoever may use them, into their own", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.documents.allocate(alice, {
      type: 101,
      name: "d",
      body: BODY,
      template: { A: "1" },
    });
    await expect(cloud.documents.clone(bob, id, "copy")).rejects.toMatchObject({ code: "forbidden" });
    await cloud.documents.chmod(alice, id, [-1, -1, -1, 1, 0, 0, 0, 0, 0]);
    await expect(cloud.documents.clone(bob, id, "")).rejects.toMatchObject({ code: "bad_request" });
    const copy = await cloud.documents.clone(bob, id, "copy");
    await cloud.documents.update(alice, id, { changed: true });
    expect(await cloud.documents.get(bob, copy)).toMatchObject({
      name: "copy",
      uid: bob.uid,
      mode: 0o600,
      type: 101,
      body: BODY,
      template: { A: "1" },
    });
  });

  it("are changed and deleted by whoever may manage them", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.documents.allocate(alice, { type: 100, name: "d", body: { a: 1 } });
    await cloud.documents.chmod(alice, id, [-1, -1, -1, 1, 0, 0, 0, 0, 0]);
    await expect(cloud.documents.update(bob, id, {})).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.documents.delete(bob, id)).rejects.toMatchObject({ code: "forbidden" });
    expect((await cloud.documents.get(bob, id)).body).toEqual({ a: 1 });
    await cloud.documents.delete(alice, id);
    for (const gone of [
      cloud.documents.get(alice, id),
      cloud.documents.update(alice, id, {}),
      cloud.documents.delete(alice, id),
    ]) {
      await expect(gone).rejects.toMatchObject({
        code: "not_found",
        message: `Error getting document [${id}].`,
      });
    }
  });

  it("never get an id again", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const first = await cloud.documents.allocate(alice, { type: 100, name: "first" });
    await cloud.documents.delete(alice, first);
    expect(await cloud.documents.allocate(alice, { type: 100, name: "second" })).toBeGreaterThan(first);
  });

  it("are called by their id when they have no name", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.documents.allocate(alice, { type: 100, name: "" });
    expect((await cloud.documents.get(alice, id)).name).toBe(`document-${id}`);
  });
}
