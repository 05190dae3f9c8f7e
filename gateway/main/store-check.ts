/** The health check of the store: it accepts writes, and they are found again. */

import { errorText } from "../../shared/errors.ts";
import type { HealthCheck } from "../admin/health.ts";
import type { Store } from "../store/store.ts";
import { type Home, whatIsLost } from "./home.ts";

const PROBE = { kind: "probe", key: "writable" } as const;

/** Writes a row and deletes it in one commit, so nothing is left, and a full disk or a dead store is found. */
export function storeCheck({ path, isThere }: Pick<Home, "path" | "isThere">, store: Store): HealthCheck {
  return async () => {
    if (!isThere()) return whatIsLost(path);
    try {
      await store.commit([
        { ...PROBE, version: 1, body: "{}" },
        { ...PROBE, version: 2, body: null },
      ]);
      return undefined;
    } catch (error) {
      return errorText(error);
    }
  };
}
