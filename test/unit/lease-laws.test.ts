import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { leaseAddresses } from "../../gateway/cloud/address.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { LeaseHolder } from "../../gateway/cloud/model.ts";
import { vectorsOf } from "../../shared/template/types.ts";
import { testCloud } from "../support/embedded.ts";
import {
  anyStep,
  CRAMPED_NETWORK,
  endAll,
  interfaces,
  live,
  livingVms,
  networks,
} from "../support/network-life.ts";

const MAX_STEPS = 40;
const RUNS = 60;

const nameOf = ({ kind, id }: LeaseHolder) => `${kind} ${id}`;

/** Who should hold which address of which network, by what VMs, routers and reservations themselves say. */
async function claims(cloud: Cloud): Promise<string[]> {
  const ofVms = (await livingVms(cloud)).flatMap((vm) =>
    interfaces(vm).map((nic) => `${nic.NETWORK_ID} ${nic.IP} ${nic.MAC}: vm ${vm.id}`),
  );
  const ofRouters = (await cloud.routers.list(SYSTEM)).flatMap((router) =>
    vectorsOf(router.template, "NIC").map(
      (nic) => `${nic.NETWORK_ID} ${nic.VROUTER_IP} ${nic.VROUTER_MAC}: router ${router.id}`,
    ),
  );
  const ofReservations = (await networks(cloud)).flatMap((network) =>
    network.ranges.flatMap((range) =>
      network.parentId === undefined
        ? []
        : Array.from({ length: range.size }, (_, index) => {
            const { IP, MAC } = leaseAddresses(range, index);
            return `${network.parentId} ${IP} ${MAC}: network ${network.id}`;
          }),
    ),
  );
  return [...ofVms, ...ofRouters, ...ofReservations].toSorted();
}

/** What the networks' leases say. */
async function leased(cloud: Cloud): Promise<string[]> {
  const found: string[] = [];
  for (const { id } of await networks(cloud)) {
    const { network, leases } = await cloud.networks.detail(SYSTEM, id);
    for (const range of network.ranges) {
      for (const { index, holder } of leases.get(range.id) ?? []) {
        expect(index).toBeLessThan(range.size);
        const { IP, MAC } = leaseAddresses(range, index);
        found.push(`${id} ${IP} ${MAC}: ${nameOf(holder)}`);
      }
    }
  }
  return found.toSorted();
}

describe("leases, whatever comes and goes (law)", () => {
  it("are exactly what living VMs, routers and reservations hold, no address twice, and all return at the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: MAX_STEPS }), async (steps) => {
        const { cloud } = await testCloud();
        await cloud.networks.allocate(SYSTEM, CRAMPED_NETWORK);
        await live(cloud, steps, async () => {
          const taken = await leased(cloud);
          expect(taken).toEqual(await claims(cloud));
          const addresses = taken.map((line) => line.split(":").slice(0, -1).join(":"));
          expect(new Set(addresses).size).toBe(addresses.length);
        });
        await endAll(cloud);
        expect(await leased(cloud)).toEqual([]);
        expect(await networks(cloud)).toHaveLength(1);
        await cloud.close();
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});
