import { describe, expect, it } from "vitest";
import { effectKey } from "../../gateway/oneflow/lifecycle/effects.ts";
import type { FlowEvent, VmSight } from "../../gateway/oneflow/lifecycle/events.ts";
import { newFlow } from "../../gateway/oneflow/lifecycle/flow.ts";
import { step } from "../../gateway/oneflow/lifecycle/step.ts";
import { takeNew } from "../../gateway/oneflow/lifecycle/take-new.ts";
import type { ServiceTemplateBody } from "../../gateway/oneflow/model.ts";
import { vmRole } from "../support/explored-services.ts";
import { storyOf } from "../support/service-story.ts";
import { contextAt, nodeFor, sightFor } from "../support/simulated-service.ts";

const WORKERS: ServiceTemplateBody = { name: "s", deployment: "none", roles: [vmRole("worker", 2)] };
const GATED: ServiceTemplateBody = { ...WORKERS, ready_status_gate: true };

const running = () => storyOf(WORKERS).settled();
const scaleTo = (cardinality: number) =>
  ({ kind: "scale", role: "worker", cardinality, force: false }) as const;

describe("wounds of the original stay closed", () => {
  it("a growth for which there is no room ends with its reason, not in SCALING for ever", () => {
    const story = running().commands(scaleTo(3)).answered().waits();
    expect(story.state).toBe("FAILED_SCALING");
    expect(story.messages).toContain(
      "VM 2 of role worker is STARTING after 100 s: recover or delete the service.",
    );
    expect(story.world.wakeAt).toBeUndefined();
  });

  it("recover keeps the list of VMs", () => {
    const story = storyOf(WORKERS)
      .answered(/make_vm worker 1/)
      .commands({ kind: "recover" });
    expect(story.body.roles[0]?.nodes).toEqual([nodeFor(0)]);
    expect(story.settled().body.roles[0]?.nodes).toHaveLength(2);
  });

  it("recover never calls a service without VMs RUNNING", () => {
    const story = storyOf(WORKERS)
      .answered(/make_vm/)
      .commands({ kind: "recover" });
    expect(story.state).toBe("DEPLOYING");
    expect(story.answered(/make_vm/).state).toBe("FAILED_DEPLOYING");
  });

  it("a failed or an ended VM is no success, however early it is seen", () => {
    for (const condition of ["failed", "done"] as const) {
      let flow = newFlow(7, takeNew(WORKERS, 0), {});
      const tell = (event: FlowEvent) => {
        flow = step(flow, event, contextAt(0)).flow;
      };
      tell({ kind: "taken_up", vms: [], networks: new Map(), routers: new Map() });
      tell({ kind: "vm_made", role: "worker", number: 0, node: nodeFor(0), sight: sightFor(0, "running") });
      tell({ kind: "vm_made", role: "worker", number: 1, node: nodeFor(1), sight: sightFor(1, condition) });
      expect(flow.body.state).toBe(7);
    }
  });

  it("a WARNING clears when its cause does, whatever happened in between", () => {
    const story = running().commands(scaleTo(3)).answered().vm(0, "powered_off").vm(2, "running");
    const rested = story.waits();
    expect(rested.state).toBe("WARNING");
    expect(rested.vm(0, "starting").state).toBe("RUNNING");
    const two = running().vm(0, "unknown").vm(1, "unknown").vm(0, "running");
    expect(two.state).toBe("WARNING");
    expect(two.vm(1, "running").state).toBe("RUNNING");
    expect(running().vm(0, "failed").vm(0, "done").state).toBe("RUNNING");
  });

  it("a VM that fails or ends beside a growth does not fail it, and is seen to afterwards", () => {
    for (const condition of ["failed", "done"] as const) {
      const story = running().commands(scaleTo(3)).answered().vm(0, condition).vm(2, "running");
      expect(story.state).toBe("COOLDOWN");
      expect(story.waits().state).toBe(condition === "failed" ? "WARNING" : "RUNNING");
      expect(story.waits().body.roles[0]?.cardinality).toBe(condition === "failed" ? 3 : 2);
    }
  });

  it("what happens to a VM before it is known is not lost", () => {
    const deploying = storyOf(WORKERS).world.flow;
    const early = step(deploying, { kind: "vms_seen", sights: [sightFor(0, "running")] }, contextAt(0)).flow;
    const made = [0, 1].reduce((flow, vmId) => {
      const sight = sightFor(vmId, vmId === 0 ? "starting" : "running");
      const event: FlowEvent = { kind: "vm_made", role: "worker", number: vmId, node: nodeFor(vmId), sight };
      return step(flow, event, contextAt(0)).flow;
    }, early);
    expect(made.body.state).toBe(2);
  });

  it("READY may come before RUNNING", () => {
    const story = storyOf(GATED).answered().vm(0, "ready").vm(1, "ready").vm(0, "running");
    expect(story.state).toBe("DEPLOYING");
    expect(story.vm(1, "running").state).toBe("RUNNING");
  });

  it("a READY that never comes is named in the log", () => {
    const story = storyOf(GATED).answered().vm(0, "running").vm(1, "running").waits();
    expect(story.messages).toContain(
      "VM 0 of role worker is RUNNING without READY=YES after 100 s: recover or delete the service.",
    );
  });

  it("undeploy is taken in every transient state, and ends VMs that are still being made", () => {
    const stories = [
      storyOf(WORKERS),
      storyOf(WORKERS).answered(),
      running().commands(scaleTo(3)),
      running().commands(scaleTo(1)),
      running().commands(scaleTo(1)).answered().vm(0, "done"),
      storyOf({ ...WORKERS, networks_values: [{ Private: { template_id: 1 } }] }),
    ];
    for (const story of stories) {
      const ending = story.commands({ kind: "undeploy" });
      expect(ending.state).toMatch(/^UNDEPLOYING/);
      expect(ending.settled().state).toBe("removed");
      expect(ending.crashes().settled().state).toBe("removed");
    }
  });

  it("a VM that was seen ending and is gone has ended well", () => {
    const { flow } = running().commands(scaleTo(1)).answered().vm(0, "ending").world;
    const { effects, flow: after } = step(
      flow,
      { kind: "vms_seen", sights: [sightFor(0, "done")] },
      contextAt(0),
    );
    expect(after.body.state).toBe(10);
    expect(effects.filter((effect) => effect.kind !== "note" || effect.severity === "E")).toEqual([]);
  });

  it("a VM that comes back to life while it should end is told more firmly", () => {
    const ending = running().commands({ kind: "undeploy" }).answered().vm(0, "running");
    expect(ending.asked).toEqual(["act_on_vm 0 terminate-hard"]);
    expect(ending.settled().state).toBe("removed");
  });
});

describe("a service of a thousand VMs", () => {
  it("takes a sight that says nothing new without looking at anything", () => {
    const { flow } = storyOf({ ...WORKERS, roles: [vmRole("worker", 1000)] }).world;
    const sights: VmSight[] = [];
    let big = flow;
    for (let vmId = 0; vmId < 1000; vmId += 1) {
      const sight = sightFor(vmId, "running");
      sights.push(sight);
      const event: FlowEvent = { kind: "vm_made", role: "worker", number: vmId, node: nodeFor(vmId), sight };
      big = step(big, event, contextAt(0)).flow;
    }
    expect(big.body.state).toBe(2);
    const again = step(big, { kind: "vms_seen", sights }, contextAt(0));
    expect(again).toEqual({ flow: big, effects: [], wakeAt: undefined, changed: false });
    expect(again.flow).toBe(big);
    const ending = step(big, { kind: "command", command: { kind: "undeploy" } }, contextAt(0));
    expect(ending.effects.filter((effect) => effectKey(effect) !== undefined)).toHaveLength(1000);
  });
});
