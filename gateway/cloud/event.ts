/** What a cloud tells of changes. */

import type { Document, Host, Network, Router, Vm } from "./model.ts";

/**
 * What happened, told after it is durable, in the order in which it became so. A change of owner, name or permissions
 * is a change like any other. `previous` is undefined for what was made; what was deleted is undefined itself.
 */
export type CloudEvent =
  | { readonly kind: "vm_state"; readonly vm: Vm; readonly previous: Vm | undefined }
  | { readonly kind: "vm_updated"; readonly vm: Vm; readonly previous: Vm }
  | { readonly kind: "host_state"; readonly host: Host }
  /** New readings, which are not durable; `at` in seconds since the epoch, when they were measured. */
  | {
      readonly kind: "vms_monitored";
      readonly hostId: number;
      readonly vmIds: readonly number[];
      readonly at: number;
    }
  | {
      readonly kind: "document_changed";
      readonly id: number;
      readonly document: Document | undefined;
      readonly previous: Document | undefined;
    }
  | {
      readonly kind: "router_changed";
      readonly id: number;
      readonly router: Router | undefined;
      readonly previous: Router | undefined;
    }
  /** Also when only its leases are others; then both snapshots are the same. */
  | {
      readonly kind: "network_changed";
      readonly id: number;
      readonly network: Network | undefined;
      readonly previous: Network | undefined;
    };
