/** The page of `oneflow explain`: a block a role, a block a policy. */

import { printableCell, timeText } from "../../one/format.ts";
import type { ExplainedPolicy, ExplainedRole, Explanation, Prevented } from "../explanation.ts";
import { adjustText } from "./role-columns.ts";

const NAME_SIZE = 10;

export function explanationPage({ service, name, state, at, roles }: Explanation): string {
  const head = `SERVICE ${service} ${printableCell(name)} is ${state}.`;
  const blocks = roles.map((role) => roleLines(role, at).join("\n"));
  return `${[head, ...blocks].join("\n\n")}\n`;
}

function roleLines(role: ExplainedRole, at: number): readonly string[] {
  const { min_vms, max_vms, cardinality, policies, next_look } = role;
  const bounds = [
    ...(min_vms === undefined ? [] : [`at least ${min_vms}`]),
    ...(max_vms === undefined ? [] : [`at most ${max_vms}`]),
  ];
  const next = next_look === undefined ? "when something is heard of it" : inSeconds(next_look, at);
  return [
    `ROLE ${printableCell(role.role)}: ${[vms(cardinality), ...bounds].join(", ")}`,
    ...(role.restores_minimum ? [line("does", `it is brought back to ${min_vms}`)] : []),
    ...(policies.length === 0 ? [line("policies", "none")] : [line("next look", next)]),
    ...policies.flatMap((policy) => ["", ...policyLines(policy, cardinality, at)]),
  ];
}

function policyLines(explained: ExplainedPolicy, cardinality: number, at: number): readonly string[] {
  const { kind, index, mode, policy, evaluated, verdict, readings, would, prevention, cooldown } = explained;
  const text = policy.expression ?? policy.recurrence ?? String(policy.start_time ?? "");
  const how = adjustText({ ...policy, expression: "", start_time: undefined, recurrence: undefined });
  const counted = kind === "elasticity" ? periodsText(explained) : undefined;
  return [
    `  ${kind === "elasticity" ? "Policy" : "Scheduled policy"} ${index}: ${printableCell(text)}  =>  ${how}`,
    ...(mode === "act" ? [] : [line("mode", mode)]),
    ...(evaluated === undefined
      ? []
      : [line("now", `${evaluated}${verdict === undefined ? "" : `: ${worded(verdict)}`}`)]),
    ...readings.map(({ key, value, vms: having, of }) =>
      line(
        "reading",
        `${key} ${value === undefined ? "of no VM" : `is ${value}`}, of ${having} of ${vms(of)}`,
      ),
    ),
    ...readings.flatMap(({ key, ignored, ignored_count }) => [
      ...ignored.map(({ vm_id, place, text: value, reason }) =>
        line("ignored", `${key} of VM ${vm_id} in ${place}, ${JSON.stringify(value)}: ${worded(reason)}`),
      ),
      ...(ignored_count > ignored.length
        ? [line("ignored", `${ignored_count - ignored.length} more of ${key}`)]
        : []),
    ]),
    ...(counted === undefined ? [] : [line("true", counted)]),
    line(
      "would",
      would === undefined || would === cardinality
        ? `stay at ${cardinality}`
        : `go to ${would}, then rest for ${cooldown} s`,
    ),
    line("but", prevention === undefined ? "nothing prevents it" : preventedText(prevention, at)),
  ];
}

function periodsText({ true_evals = 0, period_number = 0 }: ExplainedPolicy): string {
  return period_number < 2 ? "acts as soon as it is" : `${true_evals} of ${period_number} periods`;
}

/** What keeps it from acting, in words. */
function preventedText(prevention: Prevented, at: number): string {
  const text = (name: string): string => String(prevention[name] ?? "");
  const moment = (name: string): string => {
    const value = prevention[name];
    return typeof value === "number" ? inSeconds(value, at) : "";
  };
  switch (prevention.reason) {
    case "service_state":
      return `the service is ${text("state")}${prevention.until === undefined ? "" : ` until ${moment("until")}`}`;
    case "off":
      return "it is off";
    case "observed_only":
      return "it only observes";
    case "unreadable":
      return text("sentence");
    case "expression_false":
      return "it is not true";
    case "insufficient_data":
      return `no VM has ${text("missing")}${prevention.rule === undefined ? "" : `; then: ${text("rule")}`}`;
    case "within_period":
      return `it has been counted in this period; again ${moment("until")}`;
    case "not_true_long_enough":
      return `it has been true for ${text("evals")} of ${text("needed")} periods`;
    case "first_look":
    case "not_due":
      return prevention.next === undefined ? "it does not occur any more" : `it occurs ${moment("next")}`;
    case "same_cardinality":
      return "the role has that many already";
    case "limit":
      return text("sentence");
    case "stabilization":
      return `not every look of the last ${text("window_seconds")} s asked for so much ${text("direction") === "up" ? "more" : "less"}`;
    case "protected":
      return `VM ${text("vm_ids")} asked to be spared`;
    case "earlier_policy":
      return "an earlier policy acts";
    default:
      return prevention.reason;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  insufficient_data: "not enough data",
  no_number: "no number",
  not_finite: "no finite number",
};

function worded(name: string): string {
  return WORDS[name] ?? name;
}

function vms(count: number): string {
  return count === 1 ? "1 VM" : `${count} VMs`;
}

function inSeconds(moment: number, at: number): string {
  const seconds = Math.max(0, Math.round(moment - at));
  return seconds < 3_600 ? `in ${seconds} s` : timeText(moment);
}

function line(name: string, text: string): string {
  return `    ${name.padEnd(NAME_SIZE)} ${printableCell(text)}`;
}
