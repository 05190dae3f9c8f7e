/** What the attributes of a role say about one another (spec oneflow-api.md 5); each refusal is one recorded sentence. */

import { errorText, GatehouseError } from "../../../shared/errors.ts";
import { parseExpression } from "../elasticity/expression.ts";
import { parseRecurrence } from "../elasticity/recurrence.ts";
import { extrasProblem } from "../elasticity/schema.ts";
import { parseStartTime } from "../elasticity/start-time.ts";
import type {
  ElasticityPolicy,
  RoleTemplate,
  ScheduledPolicy,
  VmRoleTemplate,
  VrRoleTemplate,
} from "../model.ts";
import { attribute, isArray, isObject } from "./json.ts";

/** @throws GatehouseError `bad_request` */
export function checkRole(role: RoleTemplate): void {
  if (role.type === "vr") checkRouter(role);
  else checkVmRole(role);
}

function checkVmRole(role: VmRoleTemplate): void {
  const { name, cardinality, min_vms: least, max_vms: most } = role;
  const { elasticity_policies: elastic = [], scheduled_policies: scheduled = [] } = role;
  if (least !== undefined && cardinality < least) {
    throw refusal(`Role '${name}' 'cardinality' must be greater than or equal to 'min_vms'`);
  }
  if (most !== undefined && cardinality > most) {
    throw refusal(`Role '${name}' 'cardinality' must be lower than or equal to 'max_vms'`);
  }
  if (elastic.length + scheduled.length > 0 && (least === undefined || most === undefined)) {
    // The blanks are as recorded.
    throw refusal(
      `Role '${name}' with  'elasticity_policies' or 'scheduled_policies'must define both 'min_vms' and 'max_vms'`,
    );
  }
  for (const [index, policy] of elastic.entries()) {
    const place = `Role '${name}', elasticity policy #${index}`;
    checkExpression(policy, `${place} 'expression'`);
    const problem = extrasProblem(policy);
    if (problem !== undefined) throw refusal(`${place} ${problem}`);
  }
  for (const [index, policy] of scheduled.entries()) {
    checkScheduled(policy, `Role '${name}', scheduled policy #${index}`);
  }
}

function checkExpression({ expression }: ElasticityPolicy, place: string): void {
  if (expression === "") throw refusal(`${place} cannot be empty`);
  try {
    parseExpression(expression);
  } catch (error) {
    throw refusal(`${place} parse error: ${errorText(error)}`, error);
  }
}

function checkScheduled({ start_time: start, recurrence }: ScheduledPolicy, place: string): void {
  if (start === undefined && recurrence === undefined) {
    throw refusal(`${place} needs to define either 'start_time' or 'recurrence'`);
  }
  if (start !== undefined && recurrence !== undefined) {
    throw refusal(`${place} must define 'start_time' or 'recurrence', but not both`);
  }
  try {
    if (start !== undefined) parseStartTime(String(start));
    if (recurrence !== undefined) parseRecurrence(recurrence);
  } catch (error) {
    const fault =
      start !== undefined
        ? "'start_time' is not a valid Time. Try with YYYY-MM-DD hh:mm:ss or 0YYY-MM-DDThh:mm:ssZ"
        : "'recurrence' is not a valid cron expression";
    throw refusal(`${place} ${fault}`, error);
  }
}

/** More VMs of one router share an address, or clients would have to know which of them is up. */
function checkRouter({ name, cardinality, template_contents: contents }: VrRoleTemplate): void {
  if (cardinality <= 1) return;
  const nics = contents === undefined ? undefined : attribute(contents, "NIC");
  const list = isArray(nics) ? nics : [nics];
  const floats = list.some((nic) => isObject(nic) && Object.keys(nic).some((key) => /^FLOATING_/i.test(key)));
  if (!floats) {
    throw refusal(`Role '${name}' with 'cardinality' greather than one must define a floating IP`);
  }
}

function refusal(sentence: string, cause?: unknown): GatehouseError {
  return new GatehouseError("bad_request", sentence, { cause });
}
