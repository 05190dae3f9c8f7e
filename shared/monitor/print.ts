/** A reading as payload text, in the form that OpenNebula's probes print; readMessage gives the reading back. */

import { printTemplate, printValue } from "../template/print.ts";
import type { Vector } from "../template/types.ts";
import type { Message, TextMessage } from "./message.ts";
import { attributesOf, type Reading, type StatesReading, type WildVm } from "./readings.ts";

/** The message for the text codec. A delivery number does not survive: text has no place for it. */
export function printMessage(message: Message): TextMessage {
  const { type, status, oid, timestamp, reading } = message;
  return { type, status, oid, timestamp, payload: printReading(reading, timestamp) };
}

function printReading(reading: Reading, timestamp: number): string {
  switch (reading.kind) {
    case "beacon":
      // Upstream's probe is `date +%s`.
      return String(timestamp);
    case "failure":
    case "log":
    case "text":
      return reading.text;
    case "host":
      return printTemplate(reading.attributes) + reading.wilds.map(printWild).join("");
    case "vms":
      return (
        reading.vms
          .map((vm) =>
            printVm({
              ID: String(vm.id),
              DEPLOY_ID: vm.deployId,
              MONITOR: base64(printTemplate(attributesOf(vm))),
            }),
          )
          .join("") + printTemplate(reading.more)
      );
    case "states":
      return printStates(reading);
    case "executions":
      return (
        reading.vms.map(({ id, fields }) => printVm({ ID: String(id), ...fields })).join("") +
        printTemplate(reading.more)
      );
    default:
      return reading satisfies never;
  }
}

function printStates({ sync, missingState, vms, more }: StatesReading): string {
  const head = `${sync ? "SYNC_STATE=yes\n" : ""}${missingState === undefined ? "" : `MISSING_STATE=${missingState}\n`}`;
  const records = vms.map(({ id, deployId, state, more: rest }) =>
    printVm({ ID: String(id), DEPLOY_ID: deployId, STATE: state, ...rest }),
  );
  return head + records.join("") + printTemplate(more);
}

function printWild({ name, deployId, importTemplate, more }: WildVm): string {
  return printVm({
    ID: "-1",
    DEPLOY_ID: deployId,
    VM_NAME: name,
    IMPORT_TEMPLATE: base64(importTemplate),
    ...more,
  });
}

/** On one line, as probes print records. */
function printVm(vector: Vector): string {
  const entries = Object.entries(vector).map(([name, value]) => `${name}=${printValue(value)}`);
  return `VM = [ ${entries.join(", ")} ]\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
