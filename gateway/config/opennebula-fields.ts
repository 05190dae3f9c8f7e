/** The settings of `cloud.opennebula`: a real OpenNebula in the place of the embedded cloud. */

import { z } from "zod";
import { text, url, whole } from "./fields.ts";

const HOUR_MS = 3_600_000;

/** OpenNebula's server_x509_auth.conf names the same (`:srv_user:`, `:one_cert:`, `:one_key:`). */
const x509Fields = z
  .strictObject({
    conf_file: text(
      "the path of OpenNebula's server_x509_auth.conf, read below this configuration",
    ).optional(),
    user: z
      .string()
      .regex(/^[^:\s]{1,256}$/)
      .optional()
      .describe("the name of a user of driver server_x509, such as serveradmin"),
    cert_file: text("the path of its PEM certificate").optional(),
    key_file: text("the path of the certificate's RSA key, PEM and not encrypted").optional(),
  })
  .prefault({});

export const openNebulaFields = z
  .strictObject({
    endpoint: url("the XML-RPC endpoint of oned").default("http://localhost:2633/RPC2"),
    auth_file: text(
      "the path of a file with serveradmin:password, such as /var/lib/one/.one/onegate_auth",
    ).optional(),
    core_auth: z
      .enum(["cipher", "x509"])
      .default("cipher")
      .describe(
        "cipher or x509: how sessions are made, with the password of auth_file or with a certificate",
      ),
    x509: x509Fields,
    hooks: z
      .string()
      .regex(/^tcp:\/\/[A-Za-z0-9._-]+:\d{1,5}$/)
      .optional()
      .describe("tcp://host:port of oned's hook manager, where changes are told at once"),
    cache_ms: whole("how long what was read may stand for what is, 0 for never", 0, HOUR_MS, 2_000),
    poll_interval_ms: whole("ms between two looks at everything that services live by", 100, HOUR_MS, 2_000),
    monitoring_interval_ms: whole("ms between two looks at the latest readings of VMs", 0, HOUR_MS, 30_000),
    timeout_ms: whole("ms that the core may take to answer one call", 100, HOUR_MS, 30_000),
    max_calls: whole("calls that the core has to work on at the same time", 1, 1_000, 12),
  })
  .prefault({});
