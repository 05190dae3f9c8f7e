/** The ETHi_* variables of NETWORK=YES: how a guest learns the addresses of its interfaces. */

import { isYes, type Template, type Vector, vectorsOf } from "../../../../shared/template/types.ts";
import { interfacesOf, type NetworkLookup, networkAttribute, networkOf } from "./subject.ts";

interface EthVariable {
  /** Attributes of the NIC, the first that is not empty counts. */
  readonly nic: readonly string[];
  /** Whether the address range and the network are asked where the NIC has none. */
  readonly inherited: boolean;
}

const own = (...nic: string[]): EthVariable => ({ nic, inherited: false });
const inherited = (...nic: string[]): EthVariable => ({ nic, inherited: true });

/** Names after `ETHi_`, and where each comes from, as recorded in OpenNebula 7.5 worlds. */
const ETH_VARIABLES: Readonly<Record<string, EthVariable>> = {
  IP: own("IP"),
  MAC: own("MAC"),
  MASK: inherited("NETWORK_MASK"),
  NETWORK: inherited("NETWORK_ADDRESS"),
  GATEWAY: inherited("GATEWAY"),
  DNS: inherited("DNS"),
  SEARCH_DOMAIN: inherited("SEARCH_DOMAIN"),
  MTU: inherited("GUEST_MTU"),
  METRIC: inherited("METRIC"),
  METHOD: inherited("METHOD"),
  ROUTES: inherited("ROUTES"),
  VLAN_ID: inherited("VLAN_ID"),
  VROUTER_IP: own("VROUTER_IP"),
  VROUTER_MANAGEMENT: own("VROUTER_MANAGEMENT"),
  EXTERNAL: own("EXTERNAL"),
  IP6: own("IP6_GLOBAL", "IP6"),
  IP6_ULA: own("IP6_ULA"),
  IP6_GATEWAY: inherited("GATEWAY6"),
  IP6_METRIC: inherited("IP6_METRIC"),
  IP6_METHOD: inherited("IP6_METHOD"),
  IP6_PREFIX_LENGTH: inherited("PREFIX_LENGTH"),
  VROUTER_IP6: own("VROUTER_IP6_GLOBAL", "VROUTER_IP6"),
};

const GENERATED_NAME = /^ETH\d+_(?:ALIAS\d+_)?(.+)$/;

/**
 * The context with the network variables of the VM's present interfaces, and without those of departed ones, when
 * it says NETWORK=YES; otherwise the context as it is. Also right after a NIC is attached or detached.
 */
export function withNetworkContext(context: Vector, template: Template, networks: NetworkLookup): Vector {
  if (!isYes(context.NETWORK)) return context;
  const rest = Object.entries(context).filter(([name]) => !isGenerated(name));
  return { ...Object.fromEntries(rest), ...networkVariables(template, networks) };
}

function isGenerated(name: string): boolean {
  const tail = GENERATED_NAME.exec(name)?.[1];
  return tail !== undefined && Object.hasOwn(ETH_VARIABLES, tail);
}

function networkVariables(template: Template, networks: NetworkLookup): Vector {
  const prefixes = prefixesOf(template);
  return Object.fromEntries(
    interfacesOf(template).flatMap((nic) =>
      Object.entries(ETH_VARIABLES).map(([name, variable]) => [
        `${prefixes.get(nic)}_${name}`,
        valueFor(nic, variable, networks),
      ]),
    ),
  );
}

/** `ETH<NIC_ID>`, and `ETH<PARENT_ID>_ALIAS<ALIAS_ID>` for aliases; order stands in where ids are missing. */
function prefixesOf(template: Template): ReadonlyMap<Vector, string> {
  const nics = vectorsOf(template, "NIC").map((nic, index) => [nic, `ETH${nic.NIC_ID ?? index}`] as const);
  const aliases = vectorsOf(template, "NIC_ALIAS").map(
    (nic, index) => [nic, `ETH${nic.PARENT_ID ?? 0}_ALIAS${nic.ALIAS_ID ?? index}`] as const,
  );
  return new Map([...nics, ...aliases]);
}

function valueFor(nic: Vector, variable: EthVariable, networks: NetworkLookup): string {
  for (const name of variable.nic) {
    const value = nic[name];
    if (value) return value;
  }
  if (!variable.inherited) return "";
  const network = networkOf(nic, networks);
  return (network && networkAttribute(network, nic, variable.nic[0] ?? "")) ?? "";
}
