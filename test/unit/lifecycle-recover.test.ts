import { describe, expect, it } from "vitest";
import type { ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { vmRole } from "../support/explored-services.ts";
import { type Story, storyOf } from "../support/service-story.ts";

const WORKERS: ServiceTemplateBody = {
  name: "workers",
  deployment: "none",
  networks: { Private: "M|network|||" },
  networks_values: [{ Private: { template_id: 1 } }],
  roles: [vmRole("worker", 2)],
};

const recover = (story: Story) => story.commands({ kind: "recover" });
// The network has id 0, the VMs 1 and 2.
const deploying = () => storyOf(WORKERS).answered().answered();
const running = () => storyOf(WORKERS).settled();
const scaling = (cardinality: number) =>
  running().commands({ kind: "scale", role: "worker", cardinality, force: false }).answered();
const undeploying = () => running().commands({ kind: "undeploy" });
const networksGoing = () => undeploying().answered().vm(1, "done").vm(2, "done");

/** The seeds' recover tables (000 to 003) and spec oneflow-lifecycle.md 8: where a service stood, and where recover leads. */
const ROWS: readonly [string, () => Story, string][] = [
  ["DEPLOYING", deploying, "DEPLOYING"],
  ["FAILED_DEPLOYING", () => deploying().vm(1, "failed"), "DEPLOYING"],
  ["SCALING", () => scaling(3), "SCALING"],
  ["FAILED_SCALING", () => scaling(3).vm(3, "failed"), "SCALING"],
  ["UNDEPLOYING", undeploying, "UNDEPLOYING"],
  ["FAILED_UNDEPLOYING", () => undeploying().answered(/act_on_vm/), "UNDEPLOYING"],
  ["DEPLOYING_NETS", () => storyOf(WORKERS), "DEPLOYING_NETS"],
  ["FAILED_DEPLOYING_NETS", () => storyOf(WORKERS).answered(/make_network/), "DEPLOYING_NETS"],
  ["UNDEPLOYING_NETS", networksGoing, "UNDEPLOYING_NETS"],
  ["FAILED_UNDEPLOYING_NETS", () => networksGoing().answered(/remove_network/), "UNDEPLOYING_NETS"],
  ["COOLDOWN", () => scaling(3).vm(3, "running"), "RUNNING"],
  ["WARNING", () => running().vm(1, "failed"), "WARNING"],
];

describe("recover", () => {
  it.each(ROWS)("from %s", (from, story, to) => {
    const before = story();
    expect(before.state).toBe(from);
    expect(recover(before).state).toBe(to);
  });

  it("is refused where nothing is to be recovered", () => {
    const held = storyOf({ ...WORKERS, on_hold: true }).settled();
    for (const [story, state] of [
      [running(), "RUNNING"],
      [held, "HOLD"],
    ] as const)
      expect(() => story.obeys({ kind: "recover" })).toThrow(
        `Service cannot be recovered in state: ${state}`,
      );
  });

  it("while deploying replaces failed and ended VMs, boots unknown ones, resumes sleeping ones, and makes missing ones", () => {
    const failed = recover(deploying().vm(1, "failed"));
    expect(failed.asked).toEqual(["act_on_vm 1 delete"]);
    expect(failed.answered().alive).toEqual([2, 3]);
    expect(recover(deploying().vm(1, "done")).asked).toEqual(["make_vm worker 2 false"]);
    expect(recover(deploying().vm(1, "unknown")).asked).toEqual(["act_on_vm 1 boot"]);
    expect(recover(deploying().vm(1, "powered_off")).asked).toEqual(["act_on_vm 1 resume"]);
    expect(recover(deploying().vm(1, "resting")).asked).toEqual(["act_on_vm 1 resume"]);
    const refused = storyOf(WORKERS).answered(/make_vm worker 1/);
    expect(recover(refused).asked).toEqual(["make_vm worker 2 false"]);
    for (const story of [failed, refused]) expect(recover(story).settled().state).toBe("RUNNING");
  });

  it("leaves VMs alone that only wait", () => {
    expect(recover(deploying()).asked).toEqual([]);
  });

  it("while growing replaces the failed, and while shrinking asks again", () => {
    const grown = recover(scaling(3).vm(3, "failed"));
    expect(grown.settled().alive).toEqual([1, 2, 4]);
    const shrunk = running().commands({ kind: "scale", role: "worker", cardinality: 1, force: false });
    const again = recover(shrunk.answered(/act_on_vm/));
    expect(again.asked).toEqual(["act_on_vm 1 terminate"]);
    expect(again.settled().alive).toEqual([2]);
  });

  it("in WARNING heals up to the cardinality, and only then is the service RUNNING", () => {
    const healing = recover(running().vm(1, "failed").vm(2, "unknown"));
    expect(healing.asked).toEqual(["act_on_vm 1 delete", "act_on_vm 2 boot"]);
    const made = healing.answered();
    expect(made.alive).toEqual([2, 3]);
    expect(made.state).toBe("WARNING");
    expect(made.vm(2, "running").vm(3, "running").state).toBe("RUNNING");
  });

  it("in WARNING tells in the log what could not be mended, and stays there", () => {
    const story = recover(running().vm(1, "failed")).answered(/make_vm/);
    expect(story.state).toBe("WARNING");
    expect(story.messages).toContain("Role worker : Instantiate failed for template 1; refused");
    expect(recover(story).settled().state).toBe("RUNNING");
  });

  it("--delete ends a service in every state, at once where it has no VMs", () => {
    for (const [, story] of ROWS)
      expect(story().commands({ kind: "recover_delete" }).settled().state).toBe("removed");
    const { networks_values: _, networks: __, ...bare } = WORKERS;
    const empty = storyOf({ ...bare, roles: [vmRole("worker", 0)] });
    expect(empty.commands({ kind: "recover_delete" }).asked).toEqual(["remove_document"]);
  });

  it("--delete asks no VM to shut down, and keeps the service while one cannot be deleted", () => {
    const story = running().commands({ kind: "recover_delete" });
    expect(story.asked).toEqual(["act_on_vm 1 delete", "act_on_vm 2 delete"]);
    const stuck = story.answered(/act_on_vm 1/);
    expect(stuck.state).toBe("FAILED_UNDEPLOYING");
    expect(stuck.messages).toContain("Role worker : Terminate failed for VM 1; refused");
    expect(recover(stuck).settled().state).toBe("removed");
  });
});
