/** Quota sections of users and groups. The house keeps them as they came and enforces none. */

import { EMPTY } from "./json-form.ts";

/** Their place in a document. */
export const QUOTA_ORDER = ["DATASTORE_QUOTA", "NETWORK_QUOTA", "VM_QUOTA", "IMAGE_QUOTA"] as const;

/** No quota at all: what OpenNebula prints for a new user or group. */
export const NO_QUOTAS = Object.freeze({
  DATASTORE_QUOTA: EMPTY,
  NETWORK_QUOTA: EMPTY,
  VM_QUOTA: EMPTY,
  IMAGE_QUOTA: EMPTY,
});
