/** The host agent: probes on their periods, what they tell as messages, and the link that brings them to the daemon. */

import { join } from "node:path";
import { probesOf } from "../../probes/catalogue.ts";
import { PROBE_GROUPS, type ProbeGroup } from "../../probes/probe.ts";
import { type Clock, epochSeconds } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { agentChannel } from "../../shared/monitor/keys.ts";
import type { Message } from "../../shared/monitor/message.ts";
import type { StatesReading } from "../../shared/monitor/readings.ts";
import { BootIds } from "./boot-ids.ts";
import { composeRound, type Head, type RoundReading, readRound, warningMessage } from "./compose.ts";
import { GroupProbes } from "./group-round.ts";
import type { Link } from "./link.ts";
import { DEFAULT_BOUNDS, Outbox, type OutboxBounds } from "./outbox.ts";
import { Schedule } from "./schedule.ts";
import { SealedLink } from "./sealed-link.ts";
import { type AgentSettings, MESSAGE_OF_GROUP } from "./settings.ts";
import { spoolFiles } from "./spool-files.ts";
import { StatesFile, withSpooled } from "./states-file.ts";
import { TextLink } from "./text-link.ts";
import { VmStates } from "./vm-states.ts";

/** A probe's limit is its group's period, but within these: what is asked often must answer soon. */
const MIN_LIMIT_MS = 10_000;
const MAX_LIMIT_MS = 30_000;

export interface AgentOptions {
  readonly settings: AgentSettings;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly bounds?: OutboxBounds;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #outbox: Outbox;
  readonly #link: Link;
  readonly #states: VmStates;
  readonly #statesFile: StatesFile;
  readonly #schedules: ReadonlyMap<ProbeGroup, Schedule>;
  readonly #stop = new AbortController();
  /** What failed in each group's last round, so that one that goes on failing is logged once. */
  readonly #failing = new Map<ProbeGroup, string>();
  #wasReachable = true;

  /** Takes up what an earlier agent left in the state directory. @throws Error when it cannot be used. */
  constructor(options: AgentOptions) {
    this.#options = options;
    const { settings, clock, bounds = DEFAULT_BOUNDS } = options;
    const { stateDir, periods } = settings;
    const bootIds = new BootIds(stateDir, clock);
    const bootId = bootIds.take();
    this.#statesFile = new StatesFile(stateDir);
    const kept = this.#statesFile.read();
    this.#outbox = new Outbox({
      must: spoolFiles(join(stateDir, "must")),
      metrics: spoolFiles(join(stateDir, "metrics")),
      bounds,
      bootId,
      lastDelivery: kept.lastDelivery,
      onDropped: (what, records) => this.#dropped(what, records),
    });
    const { told } = withSpooled(kept, this.#outbox.waiting());
    this.#states = new VmStates({ syncEveryMs: periods.SYNC_STATE_VM * 1000, told });
    this.#link = this.#makeLink(bootIds, bootId);
    this.#schedules = new Map(PROBE_GROUPS.flatMap((group) => this.#scheduleOf(group)));
  }

  start(): void {
    this.#link.start();
    for (const schedule of this.#schedules.values()) schedule.start();
  }

  /** A round of the group at once; nothing for one without probes. */
  force(group: ProbeGroup): void {
    this.#schedules.get(group)?.force();
  }

  /** Ends probes under way and the link; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the agent ends"));
    await Promise.all([...this.#schedules.values()].map((schedule) => schedule.stop()));
    this.#link.close();
  }

  #makeLink(bootIds: BootIds, bootId: number): Link {
    const { settings, clock, random, log } = this.#options;
    const { address, port, hostId, link } = settings;
    const common = { address, port, outbox: this.#outbox, clock, random, log };
    if (link.kind === "text") return new TextLink({ ...common, publicKey: link.publicKey });
    const channel = agentChannel(link.agent, link.daemonKey);
    return new SealedLink({ ...common, channel, hostId, bootIds, bootId });
  }

  #scheduleOf(group: ProbeGroup): readonly (readonly [ProbeGroup, Schedule])[] {
    const { settings, clock, random, log } = this.#options;
    const modules = probesOf(settings.hypervisor, group);
    if (modules.length === 0 && settings.probesDir === undefined) return [];
    const periodMs = settings.periods[MESSAGE_OF_GROUP[group]] * 1000;
    const probes = groupProbes(settings, group, { clock, random, periodMs });
    const work = async (): Promise<void> => {
      try {
        await this.#round(group, probes);
      } catch (error) {
        // One round is lost, and the next comes.
        log.error({ group, err: error }, "A round of probes failed.");
      }
    };
    return [[group, new Schedule({ clock, random, periodMs, work })]];
  }

  async #round(group: ProbeGroup, probes: GroupProbes): Promise<void> {
    const { clock, settings } = this.#options;
    const head = { oid: settings.hostId, timestamp: epochSeconds(clock) };
    const type = MESSAGE_OF_GROUP[group];
    const outcome = await probes.round(this.#stop.signal);
    // A host whose states nobody asks about has no list to tell, not even an empty one.
    if (this.#stop.signal.aborted || outcome.asked === 0) return;
    const read = readRound(type, head, outcome);
    this.#logFailures(group, read.failures);
    if (type === "STATE_VM") this.#tellStates(head, read);
    else this.#send(composeRound(type, head, read));
  }

  #logFailures(group: ProbeGroup, failures: readonly string[]): void {
    const { log } = this.#options;
    const failing = failures.join("\n");
    if (failing === (this.#failing.get(group) ?? "")) return;
    this.#failing.set(group, failing);
    if (failing === "") log.info({ group }, "The probes succeed again.");
    else log.warn({ group, failures }, "Probes failed.");
  }

  /** The states told are kept only after what tells them is, so that a kill between the two loses nothing. */
  #tellStates(head: Head, read: RoundReading): void {
    const { clock, log } = this.#options;
    const { reading, failures } = read;
    const listed = reading?.kind === "states" ? reading.vms : [];
    const readings = this.#states.round({
      listed,
      failed: failures.length > 0,
      elapsedMs: clock.elapsed(),
      mayTellAll: this.#mayTellAll(),
    });
    const messages = readings.map((states) => stateMessage(head, states));
    if (failures.length > 0)
      messages.unshift(...composeRound("STATE_VM", head, { reading: undefined, failures }));
    this.#send(messages);
    if (readings.length === 0) return;
    try {
      this.#statesFile.write(this.#outbox.lastDelivery, this.#states.told);
    } catch (error) {
      log.warn({ error: errorText(error) }, "The states told cannot be kept.");
    }
  }

  /** While nobody hears, changes are spooled and full lists are not; the first one follows when somebody does. */
  #mayTellAll(): boolean {
    const isReachable = this.#link.isReachable;
    if (isReachable && !this.#wasReachable) this.#states.tellAllSoon();
    this.#wasReachable = isReachable;
    return isReachable;
  }

  #send(messages: readonly Message[]): void {
    if (messages.length > 0) this.#link.send(messages);
  }

  /** What could not be kept is said once it happens; a full list then heals what the daemon missed. */
  #dropped(what: "must" | "metrics", records: number): void {
    const { log, settings, clock } = this.#options;
    log.warn({ what, records }, "The spool is full: its oldest messages are dropped.");
    if (what === "metrics") return;
    this.#states.tellAllSoon();
    const head = { oid: settings.hostId, timestamp: epochSeconds(clock) };
    const sentence = `The agent's spool is full: ${records} messages that had to arrive are dropped.`;
    this.#outbox.keepMetric(warningMessage(head, sentence));
  }
}

interface Timing {
  readonly clock: Clock;
  readonly random: () => number;
  readonly periodMs: number;
}

/** The probes of one group of a host, with their limit. */
export function groupProbes(
  settings: AgentSettings,
  group: ProbeGroup,
  { clock, random, periodMs }: Timing,
): GroupProbes {
  const { hypervisor, hostId, hostName, probesDir, configurationXml, probes } = settings;
  return new GroupProbes({
    group,
    modules: probesOf(hypervisor, group),
    probesDir,
    call: { hypervisor, hostId, hostName, configurationXml },
    host: { hypervisor, hostId, hostName, procRoot: "/proc", sysRoot: "/sys", settings: probes, random },
    clock,
    limitMs: Math.min(Math.max(periodMs, MIN_LIMIT_MS), MAX_LIMIT_MS),
  });
}

function stateMessage(head: Head, reading: StatesReading): Message {
  return { type: "STATE_VM", status: "SUCCESS", ...head, reading };
}
