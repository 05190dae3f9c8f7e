/** The tables of a role on the page of its service: policies, schedule, VMs. */

import { timeText } from "../../one/format.ts";
import type { Column } from "../../one/table.ts";
import type { FlowNode, FlowPolicy } from "../document.ts";

const ADJUST: Column<FlowPolicy> = {
  name: "ADJUST",
  summary: "Change of the cardinality",
  size: 12,
  left: true,
  whole: true,
  text: adjustText,
};

export const ELASTICITY_COLUMNS: readonly Column<FlowPolicy>[] = [
  ADJUST,
  {
    name: "EXPRESSION",
    summary: "Expression, with its values as it was last evaluated",
    size: 48,
    left: true,
    whole: true,
    text: (policy) => policy.expression_evaluated ?? policy.expression,
  },
  {
    name: "EVALS",
    summary: "Times it has been true on end, of those that it takes",
    size: 5,
    text: ({ true_evals = 0, period_number }) =>
      period_number === undefined ? "-" : `${true_evals}/${period_number}`,
  },
  { name: "PERIOD", summary: "Time between evaluations", size: 6, text: ({ period }) => seconds(period) },
  { name: "COOL", summary: "Cooldown", size: 5, text: ({ cooldown }) => seconds(cooldown) },
];

export const SCHEDULE_COLUMNS: readonly Column<FlowPolicy>[] = [
  ADJUST,
  {
    name: "TIME",
    summary: "Start, or recurrence",
    size: 67,
    left: true,
    whole: true,
    text: ({ start_time, recurrence }) =>
      start_time === undefined ? (recurrence ?? "-") : startText(start_time),
  },
];

export const NODE_COLUMNS: readonly Column<FlowNode>[] = [
  {
    name: "VM_ID",
    summary: "Id; an arrow before it: it comes, or goes",
    size: 6,
    whole: true,
    text: ({ scale_up, disposed, vm_info, deploy_id }) => {
      const arrow = scale_up ? "\u2191 " : disposed ? "\u2193 " : "";
      return `${arrow}${vm_info?.VM.ID ?? deploy_id}`;
    },
  },
  { name: "NAME", summary: "Name", size: 24, left: true, whole: true, text: (node) => vmText(node, "NAME") },
  { name: "USER", summary: "Name of the owner", size: 15, left: true, text: (node) => vmText(node, "UNAME") },
  {
    name: "GROUP",
    summary: "Name of the group",
    size: 15,
    left: true,
    text: (node) => vmText(node, "GNAME"),
  },
];

/** `+ 2`, `- 10 % (2)`, `= 6`. */
export function adjustText({ type, adjust, min_adjust_step }: FlowPolicy): string {
  if (type === "CARDINALITY") return `= ${adjust}`;
  const change = `${adjust < 0 ? "-" : "+"} ${Math.abs(adjust)}`;
  if (type !== "PERCENTAGE_CHANGE") return change;
  return `${change} %${min_adjust_step === undefined ? "" : ` (${min_adjust_step})`}`;
}

function seconds(value: number | undefined): string {
  return value === undefined ? "-" : `${value}s`;
}

/** Epoch seconds in local time; anything else as it was written. */
function startText(text: string): string {
  return /^\d+$/.test(text) ? timeText(Number(text)) : text;
}

function vmText({ vm_info }: FlowNode, name: "NAME" | "UNAME" | "GNAME"): string {
  return vm_info?.VM[name] ?? "";
}
