/** `npm run bench -- elasticity`: what a look at 10,000 roles of 10 VMs costs, all at once and when one VM reports. */

import { type Decision, decide } from "../../gateway/oneflow/elasticity/decide.ts";
import type { ObservedVm } from "../../gateway/oneflow/elasticity/lookup.ts";
import type { ElasticRole } from "../../gateway/oneflow/elasticity/policy.ts";
import { RoleReadings } from "../../gateway/oneflow/elasticity/readings.ts";
import { createPolicyTexts } from "../../gateway/oneflow/elasticity/texts.ts";
import { systemClock } from "../../shared/clock.ts";
import { seededRandom } from "../support/random.ts";
import type { Bench, Figure } from "./figures.ts";

const ROLES = 10_000;
const VMS_OF_ROLE = 10;
const ROUNDS = 9;
const WARM_UP = 3;
const REPORTS = 20_000;
const BIG_ROLE_REPORTS = 5_000;
const START_MS = 1_800_000_000_000;
const INTERVAL_MS = 30_000;

interface BenchRole {
  role: ElasticRole;
  readonly vmIds: readonly number[];
  readonly readings: RoleReadings;
}

/** Two policies with counters and two names each, of which one is the hypervisor's. */
function benchRole(index: number, vms: number): BenchRole {
  const role: ElasticRole = {
    name: `role${index}`,
    cardinality: vms,
    min_vms: 1,
    max_vms: vms,
    elasticity_policies: [
      { type: "CHANGE", adjust: 1, expression: "APP_LOAD > 90 & CPU > 80", period: 30, period_number: 3 },
      { type: "CHANGE", adjust: -1, expression: "APP_LOAD < 1 | CPU < 0", period: 30, period_number: 3 },
    ],
  };
  const vmIds = Array.from({ length: vms }, (_, place) => index * vms + place);
  return { role, vmIds, readings: new RoleReadings() };
}

/** A VM with as much around its metrics as a real one has. */
function report(id: number, load: string, cpu: string): ObservedVm {
  const places = {
    USER_TEMPLATE: { APP_LOAD: load, READY: "YES", HYPERVISOR: "kvm" } as Readonly<Record<string, string>>,
    MONITORING: { CPU: cpu, MEMORY: "786432", NETRX: "123456", NETTX: "654321" } as Readonly<
      Record<string, string>
    >,
    TEMPLATE: { MEMORY: "768", VCPU: "1" } as Readonly<Record<string, string>>,
    VM: { ID: String(id), STIME: "1800000000" } as Readonly<Record<string, string>>,
  };
  return { id, counts: true, attribute: (place, name) => places[place][name] };
}

const settings = { texts: createPolicyTexts("UTC"), defaultCooldown: 300 };

function look(one: BenchRole, nowMs: number): Decision {
  const decision = decide(
    { role: one.role, vmIds: one.vmIds, recommended: [] },
    one.readings,
    nowMs,
    settings,
  );
  one.role = { ...one.role, ...decision.noted };
  return decision;
}

export const elasticityBench: Bench = async function* elasticityBench({ progress }) {
  const random = seededRandom(1);
  const text = () => (random.integer(10_000) / 100).toFixed(2);
  progress(`making ${ROLES} roles of ${VMS_OF_ROLE} VMs`);
  const roles = Array.from({ length: ROLES }, (_, index) => benchRole(index, VMS_OF_ROLE));
  yield* allAtOnce(roles, text, progress);
  const now = START_MS * 2;
  yield* singleReports("one VM reports and its role is looked at", REPORTS, (index) => {
    const one = random.pick(roles);
    return { one, vm: report(random.pick(one.vmIds), text(), text()), now: now + index * INTERVAL_MS };
  });
  const big = benchRole(0, ROLES * VMS_OF_ROLE);
  for (const id of big.vmIds) big.readings.set(report(id, text(), text()));
  const name = "one VM of a role of 100,000 reports and it is looked at";
  yield* singleReports(name, BIG_ROLE_REPORTS, (index) => {
    const vm = report(random.pick(big.vmIds), text(), text());
    return { one: big, vm, now: now + index * INTERVAL_MS };
  });
};

/** Every VM reports other values, and every role is looked at, again and again. */
function* allAtOnce(
  roles: readonly BenchRole[],
  text: () => string,
  progress: (line: string) => void,
): Iterable<Figure> {
  const looks: Taken[] = [];
  const all: Taken[] = [];
  for (let round = 1 - WARM_UP; round <= ROUNDS; round += 1) {
    const reports = roles.map(({ vmIds }) => vmIds.map((id) => report(id, text(), text())));
    const nowMs = START_MS + (WARM_UP + round) * INTERVAL_MS;
    const started = taken();
    for (const [index, { readings }] of roles.entries())
      for (const vm of reports[index] ?? []) readings.set(vm);
    const set = taken();
    for (const one of roles) look(one, nowMs);
    const ended = taken();
    progress(`round ${round}: look ${between(set, ended).wall.toFixed(0)} ms`);
    if (round < 1) continue;
    looks.push(between(set, ended));
    all.push(between(started, ended));
  }
  yield* medians("look at all roles", looks);
  yield* medians("reports of all VMs taken and look at all roles", all);
}

/** In ms; `processor` is what holds on a machine that others use, and counts the collector's threads too. */
interface Taken {
  readonly wall: number;
  readonly processor: number;
}

function taken(): Taken {
  const { user, system } = process.cpuUsage();
  return { wall: systemClock.elapsed(), processor: (user + system) / 1000 };
}

function between(from: Taken, to: Taken): Taken {
  return { wall: to.wall - from.wall, processor: to.processor - from.processor };
}

function* medians(name: string, all: readonly Taken[]): Iterable<Figure> {
  yield figure(name, median(all.map(({ wall }) => wall)), "ms");
  yield figure(`${name}, processor time`, median(all.map(({ processor }) => processor)), "ms");
}

function* singleReports(
  name: string,
  count: number,
  make: (index: number) => { readonly one: BenchRole; readonly vm: ObservedVm; readonly now: number },
): Iterable<Figure> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const { one, vm, now } = make(index);
    const started = systemClock.elapsed();
    one.readings.set(vm);
    look(one, now);
    times.push((systemClock.elapsed() - started) * 1000);
  }
  times.sort((a, b) => a - b);
  yield figure(name, median(times), "us");
  yield figure(`${name}, 99 of 100`, times[Math.floor(times.length * 0.99)] ?? Number.NaN, "us");
}

function figure(name: string, value: number, unit: string): Figure {
  return { figure: name, value: Math.round(value * 10) / 10, unit };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
