/** How the house proves itself to a real OpenNebula: which files say who it is there. */

import { GatehouseError } from "../../shared/errors.ts";
import type { Config } from "./schema.ts";

/** Files that prove a server of OpenNebula's. */
export type ServerProof =
  | { readonly kind: "cipher"; readonly authFile: string }
  | { readonly kind: "x509"; readonly user: string; readonly certFile: string; readonly keyFile: string };

/**
 * Undefined where nothing stands before an OpenNebula.
 * @throws GatehouseError `bad_request` when what `cloud.opennebula.core_auth` needs is not given.
 */
export function serverProofOf({ cloud }: Config): ServerProof | undefined {
  if (cloud.kind !== "opennebula") return undefined;
  const { core_auth: kind, auth_file: authFile, x509 } = cloud.opennebula;
  if (kind === "x509")
    return {
      kind,
      user: needed(x509.user, "x509.user", "a user of driver server_x509"),
      certFile: needed(x509.cert_file, "x509.cert_file", "the certificate whose subject is its password"),
      keyFile: needed(x509.key_file, "x509.key_file", "the RSA key of that certificate"),
    };
  if (authFile !== undefined) return { kind, authFile };
  throw new GatehouseError(
    "bad_request",
    "cloud.kind opennebula needs cloud.opennebula.auth_file, a file with serveradmin:password.",
  );
}

function needed(value: string | undefined, setting: string, what: string): string {
  if (value !== undefined) return value;
  const file = "server_x509_auth.conf (cloud.opennebula.x509.conf_file) does not tell it either";
  throw new GatehouseError(
    "bad_request",
    `cloud.opennebula.core_auth x509 needs cloud.opennebula.${setting}, ${what}; ${file}.`,
  );
}
