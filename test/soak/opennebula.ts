/**
 * A house before an OpenNebula of 50,000 VMs, some of which change all the time: most changes are told by hooks, some are
 * not. It fails when a change is seen later than it may be, when one is told that did not happen, or when memory grows.
 */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import { openOpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { fittedGrowth } from "../support/growth.ts";
import { type LargeCoreChild, startLargeCoreChild } from "../support/large-core-child.ts";
import { calmMemorySample, cpuSeconds, memorySample } from "../support/memory.ts";
import { SERVER } from "../support/opennebula.ts";
import { type Random, seededRandom } from "../support/random.ts";

const VMS = 50_000;
const POLL_MS = 10_000;
const CHANGES_PER_SECOND = 20;
/** One of so many changes is not told by hooks. */
const UNTOLD = 10;
const SAMPLE_S = 10;
/** Told by a hook, a change is seen when the VM was read: beside a look at everything, on a busy machine. */
const HOOK_BOUND_MS = 10_000;
/** While nothing is other than before, memory may scatter by so much. */
const MAX_GROWTH = 0.1;
const MIB = 1024 * 1024;

export interface OpenNebulaSoakOptions {
  /** Seconds of changes. */
  readonly inputs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log?: (line: string) => void;
  readonly vms?: number;
  readonly pollMs?: number;
}

/** @throws Error when a law is broken. */
export async function openNebulaSoak(options: OpenNebulaSoakOptions): Promise<object> {
  const { inputs: seconds = 600, seed = 1, log = () => {}, vms = VMS, pollMs = POLL_MS } = options;
  const core = await startLargeCoreChild(vms);
  const before = memorySample();
  const cloud = await openOpenNebulaCloud({
    endpoint: core.endpoint,
    hooks: core.hooks,
    server: SERVER,
    clock: systemClock,
    log: silentLogger,
    pollMs,
    monitoringMs: 30_000,
  });
  const gaps = monitorEventLoopDelay({ resolution: 1 });
  try {
    gaps.enable();
    const watched = new Watched();
    const began = performance.now();
    cloud.subscribe(watched.take);
    // It waits for the first look.
    await cloud.vms.rename(SYSTEM, core.ids[0] ?? 0, "same");
    const lookMs = performance.now() - began;
    log(`first look: ${Math.round(lookMs)} ms`);
    gaps.disable();
    const cpuBefore = cpuSeconds();
    const samples = await changed(core, watched, { seconds, random: seededRandom(seed), log });
    const cpu = cpuSeconds() - cpuBefore;
    // Between two looks lies at least four times what one takes; and one may just have passed the VM by.
    const pollBoundMs = 3 * Math.max(pollMs, 6 * lookMs);
    await watched.all(pollBoundMs, log);
    return {
      vms,
      firstLookMs: Math.round(lookMs),
      ...watched.figures({ hookBoundMs: HOOK_BOUND_MS, pollBoundMs }),
      longestGapOfFirstLookMs: Math.round(gaps.max / 1e6),
      cpuShare: Math.round((cpu / seconds) * 100) / 100,
      ...requireNoGrowth(samples, before.liveBytes),
    };
  } finally {
    await cloud.close();
    await core.close();
  }
}

interface Plan {
  readonly seconds: number;
  readonly random: Random;
  readonly log: (line: string) => void;
}

/** Live bytes, every SAMPLE_S seconds. */
async function changed(core: LargeCoreChild, watched: Watched, plan: Plan): Promise<readonly number[]> {
  const samples: number[] = [];
  const began = performance.now();
  for (let count = 0; performance.now() - began < plan.seconds * 1_000; count += 1) {
    const id = plan.random.pick(core.ids);
    if (!watched.isWaitedFor(id)) {
      const isPublished = count % UNTOLD !== 0;
      watched.expect(id, isPublished);
      core.change({ id, isPublished });
    }
    await setTimeout(1_000 / CHANGES_PER_SECOND);
    if ((performance.now() - began) / 1_000 < samples.length * SAMPLE_S) continue;
    samples.push((await calmMemorySample()).liveBytes);
    plan.log(`${samples.length * SAMPLE_S} s: ${Math.round((samples.at(-1) ?? 0) / MIB)} MiB live`);
  }
  return samples;
}

/** Changes that were made, and when they were seen. */
class Watched {
  readonly #waiting = new Map<number, { readonly at: number; readonly isPublished: boolean }>();
  readonly #byHook: number[] = [];
  readonly #byPolling: number[] = [];
  #untrue = 0;

  readonly take = (event: CloudEvent): void => {
    if (!("vm" in event)) return;
    const change = this.#waiting.get(event.vm.id);
    this.#waiting.delete(event.vm.id);
    if (change === undefined) this.#untrue += 1;
    else (change.isPublished ? this.#byHook : this.#byPolling).push(performance.now() - change.at);
  };

  isWaitedFor(id: number): boolean {
    return this.#waiting.has(id);
  }

  expect(id: number, isPublished: boolean): void {
    this.#waiting.set(id, { at: performance.now(), isPublished });
  }

  async all(boundMs: number, log: (line: string) => void): Promise<void> {
    const until = performance.now() + boundMs;
    let left = Number.POSITIVE_INFINITY;
    while (this.#waiting.size > 0) {
      if (performance.now() > until) throw new Error(`${this.#waiting.size} changes were never seen`);
      if (this.#waiting.size < left) log(`${this.#waiting.size} changes are not seen yet`);
      left = this.#waiting.size;
      await setTimeout(1_000);
    }
  }

  figures({ hookBoundMs, pollBoundMs }: { hookBoundMs: number; pollBoundMs: number }): object {
    const [hook, polling] = [spread(this.#byHook), spread(this.#byPolling)];
    if (this.#untrue > 0) throw new Error(`${this.#untrue} changes were told that nobody made`);
    if (hook.longestMs > hookBoundMs) throw new Error(`a hook's change was seen after ${hook.longestMs} ms`);
    if (polling.longestMs > pollBoundMs)
      throw new Error(`a change was seen by polling after ${polling.longestMs} ms`);
    return { seenByHook: hook, seenByPolling: polling };
  }
}

function spread(all: readonly number[]): { count: number; medianMs: number; longestMs: number } {
  const sorted = all.toSorted((left, right) => left - right);
  const at = (index: number) => Math.round(sorted.at(index) ?? 0);
  return { count: all.length, medianMs: at(Math.floor(all.length / 2)), longestMs: at(-1) };
}

function requireNoGrowth(samples: readonly number[], beforeBytes: number): object {
  const { from, to } = fittedGrowth(samples);
  const growth = from > 0 ? to / from - 1 : 0;
  if (growth > MAX_GROWTH) throw new Error(`memory grows: ${Math.round(growth * 100)} % in this run`);
  return {
    liveMiB: Math.round((to - beforeBytes) / MIB),
    rssMiB: Math.round(process.memoryUsage().rss / MIB),
    growth: Math.round(growth * 1_000) / 1_000,
  };
}
