/** The page of `oneflow simulate`: a table of what would have scaled, and a plot a role that fits the terminal. */

import type { Scaling } from "../../../oneflow/elasticity/contest.ts";
import type { ElasticRole } from "../../../oneflow/elasticity/policy.ts";
import type { SimulatedRole, Simulation, SimulationStep } from "../../../oneflow/elasticity/simulate.ts";
import { printableCell, timeText } from "../../one/format.ts";
import { type Column, cellsOf, renderTable } from "../../one/table.ts";

const DEFAULT_WIDTH = 80;
const MOST_COLUMNS = 160;
const MOST_ROWS = 20;

/** One scaling that the simulation did. */
export interface SimulatedScaling {
  /** ms since the epoch. */
  readonly at: number;
  readonly role: string;
  readonly from: number;
  readonly to: number;
  /** Seconds. */
  readonly cooldown: number;
  /** The policy's own text, or min_vms. */
  readonly policy: string;
  /** The expression with its values. */
  readonly evaluated: string | undefined;
}

export function scalingsOf(
  { steps }: Simulation,
  roles: readonly ElasticRole[],
): readonly SimulatedScaling[] {
  return steps.flatMap((step) => {
    const { scaling, at, role: name, cardinality: from } = step;
    const role = roles.find((each) => each.name === name);
    if (scaling === undefined || role === undefined) return [];
    const { cardinality: to, cooldown, by } = scaling;
    return [
      { at, role: name, from, to, cooldown, policy: policyText(role, by), evaluated: evaluatedOf(step, by) },
    ];
  });
}

function policyText(
  { elasticity_policies = [], scheduled_policies = [] }: ElasticRole,
  by: Scaling["by"],
): string {
  if (by.kind === "min_vms") return "min_vms";
  if (by.kind === "elasticity") return elasticity_policies[by.index]?.expression ?? "";
  const scheduled = scheduled_policies[by.index];
  return String(scheduled?.recurrence ?? scheduled?.start_time ?? "");
}

function evaluatedOf({ explanation }: SimulationStep, by: Scaling["by"]): string | undefined {
  if (by.kind !== "elasticity") return undefined;
  const policy = explanation.policies.find(({ kind, index }) => kind === by.kind && index === by.index);
  return policy?.kind === "elasticity" ? policy.evaluated : undefined;
}

const COLUMNS: readonly Column<SimulatedScaling>[] = [
  {
    name: "TIME",
    summary: "",
    size: 14,
    left: true,
    whole: true,
    text: ({ at }) => timeText(Math.floor(at / 1000)),
  },
  { name: "ROLE", summary: "", size: 6, left: true, whole: true, text: ({ role }) => role },
  { name: "FROM", summary: "", size: 4, text: ({ from }) => String(from) },
  { name: "TO", summary: "", size: 4, text: ({ to }) => String(to) },
  { name: "COOL", summary: "", size: 5, text: ({ cooldown }) => `${cooldown}s` },
  {
    name: "BECAUSE",
    summary: "",
    size: 12,
    left: true,
    whole: true,
    text: ({ evaluated, policy }) => evaluated ?? policy,
  },
];

export function simulationPage(
  simulation: Simulation,
  roles: readonly ElasticRole[],
  width: number = DEFAULT_WIDTH,
): string {
  const scalings = scalingsOf(simulation, roles);
  const moments = simulation.steps.map(({ at }) => at);
  const [from, to] = [moments[0] ?? 0, moments.at(-1) ?? 0];
  const table =
    scalings.length === 0
      ? "Nothing would have scaled.\n"
      : renderTable(COLUMNS, cellsOf(COLUMNS, scalings, 0), { width });
  const plots = simulation.roles.map((role) => plotOf(role, { from, to, width }).join("\n"));
  return `${[table.trimEnd(), ...plots].join("\n\n")}\n`;
}

interface Frame {
  /** ms since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

/** A column a stretch of time, as high as the most VMs in it. */
function plotOf({ name, cardinalities }: SimulatedRole, { from, to, width }: Frame): readonly string[] {
  const most = Math.max(1, ...cardinalities.map(({ cardinality }) => cardinality));
  const labelSize = String(most).length;
  const columns = Math.max(10, Math.min(width - labelSize - 3, MOST_COLUMNS));
  const heights = heightsOf(cardinalities, columns, from, to);
  const rows = Math.min(most, MOST_ROWS);
  const lines = Array.from({ length: rows }, (_, index) => {
    const level = Math.ceil(((rows - index) * most) / rows);
    const bars = heights.map((height) => (height >= level ? "#" : " ")).join("");
    return `${String(level).padStart(labelSize)} |${bars}`.trimEnd();
  });
  const [first, last] = [timeText(Math.floor(from / 1000)), timeText(Math.floor(to / 1000))];
  const indent = " ".repeat(labelSize + 2);
  return [
    printableCell(`ROLE ${name}`),
    ...lines,
    `${" ".repeat(labelSize)} +${"-".repeat(columns)}`,
    `${indent}${first}${last.padStart(Math.max(last.length + 1, columns - first.length))}`,
  ];
}

function heightsOf(
  cardinalities: SimulatedRole["cardinalities"],
  columns: number,
  from: number,
  to: number,
): readonly number[] {
  const heights = new Array<number>(columns).fill(0);
  const columnOf = (at: number): number =>
    to <= from ? 0 : Math.min(columns - 1, Math.max(0, Math.floor(((at - from) * columns) / (to - from))));
  for (const [index, { at, cardinality }] of cardinalities.entries()) {
    const next = cardinalities[index + 1];
    const end = next === undefined ? columns - 1 : columnOf(next.at);
    for (let column = columnOf(at); column <= end; column += 1)
      heights[column] = Math.max(heights[column] ?? 0, cardinality);
  }
  return heights;
}
