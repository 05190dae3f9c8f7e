/** Entries of a service's log: `11/20/26 12:26 [I] New state: RUNNING`, local time. */

import { printableCell } from "../../one/format.ts";
import type { FlowBody, FlowDocument } from "../document.ts";

export function logLines({ body }: FlowDocument): readonly string[] {
  return body.log.map(logLine);
}

export function logLine({ timestamp, severity, message }: FlowBody["log"][number]): string {
  const date = new Date(timestamp * 1000);
  const day = [date.getMonth() + 1, date.getDate(), date.getFullYear() % 100].map(two).join("/");
  const time = [date.getHours(), date.getMinutes()].map(two).join(":");
  return `${day} ${time} [${printableCell(severity)}] ${printableCell(message)}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
