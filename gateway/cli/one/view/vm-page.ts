/** The page of `onevm show`. */

import { historyActionName } from "../../../../shared/states/history.ts";
import { lcmStateName } from "../../../../shared/states/lcm.ts";
import { vmStateName } from "../../../../shared/states/vm.ts";
import { entriesOf, nodesAt, numberAt, textAt, withChild } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { amountText, periodText, shortPeriodText, timeText, yesOrNo } from "../format.ts";
import { lockText, ownedLines, Page } from "../page.ts";
import type { Column } from "../table.ts";
import { templateText } from "../template-text.ts";
import { type PageOptions, plainColumn, rowsNamed, type View } from "./view.ts";
import { hostOf, VM_COLUMNS, VM_DEFAULT_COLUMNS } from "./vm-table.ts";

export const vmView: View = {
  columns: VM_COLUMNS,
  defaults: VM_DEFAULT_COLUMNS,
  rows: rowsNamed("VM"),
  page: vmPage,
};

const left = { left: true } as const;

const DISK_COLUMNS: readonly Column[] = [
  plainColumn("ID", "DISK_ID", 3, "Disk"),
  plainColumn("DATASTORE", "DATASTORE", 10, "Datastore", left),
  plainColumn("TARGET", "TARGET", 6, "Device", left),
  plainColumn("IMAGE", "IMAGE", 35, "Image", left),
  {
    name: "SIZE",
    summary: "Size",
    size: 9,
    left: true,
    text: (disk) => (textAt(disk, "SIZE") === "" ? "-" : amountText(numberAt(disk, "SIZE"), "M")),
  },
  plainColumn("TYPE", "TYPE", 4, "Type", left),
  plainColumn("SAVE", "SAVE", 4, "Kept at the end"),
];

const NIC_COLUMNS: readonly Column[] = [
  plainColumn("ID", "NIC_ID", 3, "NIC"),
  plainColumn("NETWORK", "NETWORK", 20, "Network", left),
  plainColumn("BRIDGE", "BRIDGE", 12, "Bridge", left),
  plainColumn("IP", "IP", 15, "Address", { left: true, whole: true }),
  plainColumn("MAC", "MAC", 17, "Hardware address", left),
];

/** Addresses of a NIC beside its IP: each has a line of its own below it. */
const MORE_ADDRESSES = ["EXTERNAL_IP", "IP6_LINK", "IP6_ULA", "IP6_GLOBAL", "IP6"] as const;
const ROUTER_ADDRESSES = ["VROUTER_IP", "VROUTER_IP6_LINK", "VROUTER_IP6_ULA", "VROUTER_IP6_GLOBAL"] as const;

const RULE_COLUMNS: readonly Column[] = [
  plainColumn("ID", "SECURITY_GROUP_ID", 4, "Security group"),
  plainColumn("NAME", "SECURITY_GROUP_NAME", 11, "Its name", left),
  plainColumn("TYPE", "RULE_TYPE", 8, "Direction", left),
  plainColumn("PROTOCOL", "PROTOCOL", 8, "Protocol", left),
  plainColumn("VNET", "NETWORK_ID", 4, "Network"),
  plainColumn("START", "IP", 17, "First address", { left: true, whole: true }),
  plainColumn("SIZE", "SIZE", 6, "Addresses", { left: true, whole: true }),
  plainColumn("RANGE", "RANGE", 15, "Ports", { left: true, whole: true }),
];

const SNAPSHOT_COLUMNS: readonly Column[] = [
  plainColumn("ID", "SNAPSHOT_ID", 4, "Snapshot"),
  { name: "TIME", summary: "Taken", size: 14, text: (row) => timeText(numberAt(row, "TIME")) },
  plainColumn("NAME", "NAME", 46, "Name", left),
  plainColumn("HYPERVISOR_ID", "HYPERVISOR_ID", 15, "Name at the hypervisor", left),
];

const SCHEDULE_COLUMNS: readonly Column[] = [
  plainColumn("ID", "ID", 4, "Entry"),
  plainColumn("ACTION", "ACTION", 16, "Action", left),
  plainColumn("ARGS", "ARGS", 10, "Arguments", left),
  { name: "SCHEDULED", summary: "When", size: 14, text: (row) => scheduleText(textAt(row, "TIME")) },
  { name: "REPEAT", summary: "Comes again", size: 8, left: true, text: repeatText },
  { name: "DONE", summary: "Done last", size: 14, text: (row) => timeText(numberAt(row, "DONE")) },
  plainColumn("MESSAGE", "MESSAGE", 20, "Why it was refused", { left: true, whole: true }),
];

const HISTORY_COLUMNS: readonly Column[] = [
  plainColumn("SEQ", "SEQ", 3, "Number"),
  { name: "UID", summary: "Who asked", size: 4, left: true, text: (row) => knownText(row, "UID") },
  { name: "REQ", summary: "Request", size: 5, left: true, text: (row) => knownText(row, "REQUEST_ID") },
  plainColumn("HOST", "HOSTNAME", 12, "Host", left),
  { name: "ACTION", summary: "What ended it", size: 10, left: true, text: historyAction },
  plainColumn("DS", "DS_ID", 4, "Datastore"),
  { name: "START", summary: "Began", size: 15, text: (row) => timeText(numberAt(row, "STIME")) },
  {
    name: "TIME",
    summary: "Lasted",
    size: 11,
    text: (row, now) => periodText(span(row, "STIME", "ETIME", now)),
  },
  {
    name: "PROLOG",
    summary: "Preparing took",
    size: 10,
    text: (row, now) => shortPeriodText(span(row, "PSTIME", "PETIME", now)),
  },
];

function vmPage(vm: XmlNode, { now, all }: PageOptions): string {
  const page = new Page(20);
  page.block(`VIRTUAL MACHINE ${textAt(vm, "ID")} INFORMATION`, informationOf(vm));
  page.block("VIRTUAL MACHINE MONITORING", monitoringOf(vm));
  page.permissions(vm);
  const blocks: readonly (readonly [string, readonly Column[], readonly XmlNode[]])[] = [
    ["VM DISKS", DISK_COLUMNS, disksOf(vm)],
    ["VM NICS", NIC_COLUMNS, nodesAt(vm, "TEMPLATE/NIC").flatMap(nicRows)],
    ["VM ALIAS", NIC_COLUMNS, nodesAt(vm, "TEMPLATE/NIC_ALIAS").flatMap(nicRows)],
    ["SECURITY", RULE_COLUMNS, nodesAt(vm, "TEMPLATE/SECURITY_GROUP_RULE")],
    ["SNAPSHOTS", SNAPSHOT_COLUMNS, nodesAt(vm, "TEMPLATE/SNAPSHOT")],
    ["VIRTUAL MACHINE HISTORY", HISTORY_COLUMNS, nodesAt(vm, "HISTORY_RECORDS/HISTORY")],
    ["SCHEDULED ACTIONS", SCHEDULE_COLUMNS, nodesAt(vm, "TEMPLATE/SCHED_ACTION")],
  ];
  for (const [heading, columns, rows] of blocks) {
    if (rows.length > 0) page.table(heading, columns, rows, now);
  }
  const [userTemplate] = nodesAt(vm, "USER_TEMPLATE");
  if (entriesOf(userTemplate).length > 0) page.text("USER TEMPLATE", templateText(userTemplate));
  const shown = ["DISK", "NIC", "NIC_ALIAS", "SECURITY_GROUP_RULE", "SNAPSHOT", "SCHED_ACTION"];
  page.text("VIRTUAL MACHINE TEMPLATE", templateText(nodesAt(vm, "TEMPLATE")[0], all ? [] : shown));
  return page.toString();
}

function informationOf(vm: XmlNode): readonly (readonly [string, string | undefined])[] {
  const host = hostOf(vm);
  const last = nodesAt(vm, "HISTORY_RECORDS/HISTORY").at(-1);
  return [
    ...ownedLines(vm),
    ["STATE", vmStateName(numberAt(vm, "STATE"))],
    ["LCM_STATE", lcmStateName(numberAt(vm, "LCM_STATE"))],
    ["LOCK", lockText(vm)],
    ["RESCHED", yesOrNo(textAt(vm, "RESCHED"))],
    ["HOST", host],
    ["CLUSTER ID", host === undefined ? undefined : textAt(last, "CID")],
    ["START TIME", timeText(numberAt(vm, "STIME"))],
    ["END TIME", timeText(numberAt(vm, "ETIME"))],
    ["DEPLOY ID", textAt(vm, "DEPLOY_ID") || "-"],
    ["VIRTUAL ROUTER ID", textAt(vm, "TEMPLATE/VROUTER_ID") || undefined],
  ];
}

/** CPU, memory and network first; then what else was measured. */
function monitoringOf(vm: XmlNode): readonly (readonly [string, string])[] {
  const first = ["CPU", "MEMORY", "NETTX", "NETRX"];
  const hidden = ["STATE", "DISK_SIZE", "SNAPSHOT_SIZE"];
  const values = entriesOf(nodesAt(vm, "MONITORING")[0]).flatMap(([name, value]) =>
    typeof value === "string" && !hidden.includes(name) ? [[name, value] as const] : [],
  );
  const rank = (name: string) => (first.includes(name) ? first.indexOf(name) : first.length);
  return values
    .toSorted(([a], [b]) => rank(a) - rank(b))
    .map(([name, value]) => [name, measureText(name, value)] as const);
}

function measureText(name: string, value: string): string {
  if (name === "MEMORY") return amountText(Number(value), "K");
  return /^NET[RT]X$/.test(name) ? amountText(Math.floor(Number(value) / 1024), "K") : value;
}

/** The context is a disk too, as the guest sees it. */
function disksOf(vm: XmlNode): readonly XmlNode[] {
  const context = nodesAt(vm, "TEMPLATE/CONTEXT").map((each) => ({
    DISK_ID: textAt(each, "DISK_ID"),
    DATASTORE: "-",
    TARGET: textAt(each, "TARGET"),
    IMAGE: "CONTEXT",
    TYPE: "-",
    SAVE: "-",
  }));
  const disks = nodesAt(vm, "TEMPLATE/DISK").map((disk) => {
    const named = textAt(disk, "IMAGE") === "" ? withChild(disk, "IMAGE", textAt(disk, "FORMAT")) : disk;
    const typed = withChild(named, "TYPE", textAt(disk, "TYPE").toLowerCase());
    return textAt(disk, "SAVE") === "" ? withChild(typed, "SAVE", "NO") : typed;
  });
  return [...disks, ...context];
}

function nicRows(nic: XmlNode): readonly XmlNode[] {
  const rows = (names: readonly string[], mark: string) =>
    names
      .map((name) => textAt(nic, name))
      .filter((text) => text !== "")
      .map((text) => ({ IP: `${text}${mark}` }));
  const first = textAt(nic, "IP") === "" ? withChild(nic, "IP", "-") : nic;
  return [first, ...rows(MORE_ADDRESSES, ""), ...rows(ROUTER_ADDRESSES, " (VRouter)")];
}

function scheduleText(time: string): string {
  return time.startsWith("+") ? time : timeText(Number(time));
}

/** By REPEAT's code; -1, and what older cores leave out, is never. */
const REPEATS: ReadonlyMap<string, string> = new Map([
  ["0", "weekly"],
  ["1", "monthly"],
  ["2", "yearly"],
  ["3", "hourly"],
]);

function repeatText(row: XmlNode): string {
  return REPEATS.get(textAt(row, "REPEAT")) ?? "-";
}

function knownText(row: XmlNode, name: string): string {
  const text = textAt(row, name);
  return text === "" || text === "-1" ? "-" : text;
}

function historyAction(row: XmlNode): string {
  const code = numberAt(row, "ACTION");
  const name = historyActionName(code);
  // A newer core's action: its code says more than a name cut short.
  return name.startsWith("UNKNOWN_") ? String(code) : name.toLowerCase().replaceAll("_", "-");
}

/** Seconds between two times, until now where the second is still to come; 0 where the first is. */
function span(row: XmlNode, from: string, to: string, now: number): number {
  const start = numberAt(row, from);
  return start === 0 ? 0 : (numberAt(row, to) || now) - start;
}
