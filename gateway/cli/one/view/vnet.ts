/** Virtual networks: the list of `onevnet`, and its page. */

import { networkStateName } from "../../../../shared/states/network.ts";
import { nodesAt, numberAt, textAt, textsAt, withChild } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { lockText, ownedLines, Page } from "../page.ts";
import type { Column } from "../table.ts";
import { templateText } from "../template-text.ts";
import { shortNetworkState } from "./short-state.ts";
import { ownedColumns, plainColumn, rowsNamed, type View } from "./view.ts";

const left = { left: true } as const;

export const vnetView: View = {
  columns: [
    ...ownedColumns({ user: 15, group: 12, name: 19 }),
    { name: "CLUSTERS", summary: "Ids of its clusters", size: 10, left: true, text: clustersOf },
    plainColumn("BRIDGE", "BRIDGE", 8, "Bridge", left),
    {
      name: "STATE",
      summary: "State",
      size: 6,
      left: true,
      text: (network) => shortNetworkState(numberAt(network, "STATE")),
    },
    plainColumn("LEASES", "USED_LEASES", 6, "Addresses given"),
    countColumn("OUTD", "VMs with attributes of before an update", "OUTDATED_VMS/ID"),
    countColumn("ERRO", "VMs that an update failed for", "ERROR_VMS/ID"),
  ],
  defaults: ["ID", "USER", "GROUP", "NAME", "CLUSTERS", "BRIDGE", "STATE", "LEASES", "OUTD", "ERRO"],
  rows: rowsNamed("VNET"),
  page: vnetPage,
};

function countColumn(name: string, summary: string, path: string): Column {
  return { name, summary, size: 4, text: (network) => String(nodesAt(network, path).length) };
}

function clustersOf(network: XmlNode): string {
  return textsAt(network, "CLUSTERS/ID").join(",") || "-";
}

const RANGE_COLUMNS: readonly Column[] = [
  plainColumn("RANGE", "RANGE", 10, "Kind of address", left),
  plainColumn("FIRST", "FIRST", 34, "First address"),
  plainColumn("LAST", "LAST", 34, "Last address"),
];

const LEASE_COLUMNS: readonly Column[] = [
  plainColumn("AR", "AR_ID", 3, "Address range", left),
  { name: "OWNER", summary: "Who holds it", size: 10, left: true, text: ownerOf },
  plainColumn("MAC", "MAC", 17, "Hardware address", left),
  addressColumn("IP", ["IP"], 15),
  addressColumn("IP6", ["IP6", "IP6_GLOBAL", "IP6_ULA"], 26),
];

function addressColumn(name: string, paths: readonly string[], size: number): Column {
  const text = (lease: XmlNode) => paths.map((path) => textAt(lease, path)).find(Boolean) ?? "-";
  return { name, summary: "Address", size, left: true, whole: true, text };
}

function ownerOf(lease: XmlNode): string {
  const letters = { VM: "V", VNET: "N", VROUTER: "R" };
  for (const [kind, letter] of Object.entries(letters)) {
    const id = textAt(lease, kind);
    // A lease on hold belongs to VM -1.
    if (id !== "") return id === "-1" ? "-" : `${letter}:${id}`;
  }
  return "-";
}

function vnetPage(network: XmlNode): string {
  const page = new Page(25);
  page.block(`VIRTUAL NETWORK ${textAt(network, "ID")} INFORMATION`, informationOf(network));
  page.permissions(network);
  page.text("VIRTUAL NETWORK TEMPLATE", templateText(nodesAt(network, "TEMPLATE")[0]));
  const ranges = nodesAt(network, "AR_POOL/AR");
  page.text("ADDRESS RANGE POOL", ranges.length === 0 ? "-" : "");
  for (const range of ranges) {
    page.block(`AR ${textAt(range, "AR_ID")}`, [
      ["SIZE", textAt(range, "SIZE")],
      ["LEASES", textAt(range, "USED_LEASES")],
    ]);
    page.table("ADDRESSES", RANGE_COLUMNS, boundsOf(range));
  }
  const leases = ranges.flatMap((range) =>
    nodesAt(range, "LEASES/LEASE").map((lease) => withChild(lease, "AR_ID", textAt(range, "AR_ID"))),
  );
  page.table("LEASES", LEASE_COLUMNS, leases);
  page.text("VIRTUAL ROUTERS", textsAt(network, "VROUTERS/ID").join("\n"));
  page.block("VIRTUAL MACHINES", [
    ["UPDATED", textsAt(network, "UPDATED_VMS/ID").join(",")],
    ["OUTDATED", textsAt(network, "OUTDATED_VMS/ID").join(",")],
    ["ERROR", textsAt(network, "ERROR_VMS/ID").join(",")],
  ]);
  return page.toString();
}

function informationOf(network: XmlNode): readonly (readonly [string, string | undefined])[] {
  const optional = (path: string) => textAt(network, path) || undefined;
  return [
    ...ownedLines(network),
    ["LOCK", lockText(network)],
    ["CLUSTERS", clustersOf(network)],
    ["BRIDGE", textAt(network, "BRIDGE")],
    ["STATE", networkStateName(numberAt(network, "STATE"))],
    ["VN_MAD", optional("VN_MAD")],
    ["PHYSICAL DEVICE", optional("PHYDEV")],
    ["VLAN ID", optional("VLAN_ID")],
    ["AUTOMATIC VLAN ID", textAt(network, "VLAN_ID_AUTOMATIC") === "1" ? "YES" : "NO"],
    ["PARENT NETWORK ID", optional("PARENT_NETWORK_ID")],
    ["USED LEASES", textAt(network, "USED_LEASES")],
  ];
}

function boundsOf(range: XmlNode): readonly XmlNode[] {
  return ["MAC", "IP", "IP6_GLOBAL", "IP6_ULA", "IP6"]
    .map((name) => ({ RANGE: name, FIRST: textAt(range, name), LAST: textAt(range, `${name}_END`) }))
    .filter(({ FIRST }) => FIRST !== "");
}
