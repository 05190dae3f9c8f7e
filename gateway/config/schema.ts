/** Every setting of the house: one schema, from which names, defaults, environment variables and error texts come. */

import { z } from "zod";
import { LOG_LEVELS } from "../../shared/log.ts";
import { networkText, oneGateSettingsSchema } from "../onegate/settings.ts";
import { attributes, host, MAX_LIST_ITEMS, MEBIBYTE, names, on, port, text, url, whole } from "./fields.ts";
import { monitorFields } from "./monitor-fields.ts";
import { oneflowFields } from "./oneflow-fields.ts";
import { openNebulaFields } from "./opennebula-fields.ts";
import { qemuFields } from "./qemu-fields.ts";

/** OneGate knows its own defaults (reboot is restricted, as recorded); here they only get names for files. */
const ONEGATE = oneGateSettingsSchema.parse({});

/** By default every call is open (seed 003, 5.2.2 "permissions"). */
const permissions = z
  .strictObject({
    vm: z
      .strictObject({
        show: on("GET /vm"),
        show_by_id: on("GET /vms/ID"),
        update: on("PUT /vm"),
        update_by_id: on("PUT /vms/ID"),
        action_by_id: on("POST /vms/ID/action"),
      })
      .prefault({}),
    service: z
      .strictObject({ show: on("GET /service"), change_cardinality: on("PUT /service/role/ROLE") })
      .prefault({}),
    vrouter: z.strictObject({ show: on("GET /vrouter") }).prefault({}),
    vnet: z.strictObject({ show_by_id: on("GET /vnet/ID") }).prefault({}),
  })
  .prefault({});

const RATES = ONEGATE.limits;
const rate = (what: string, { perSecond, burst }: { perSecond: number; burst: number }) => ({
  per_second: whole(`requests a second of ${what}`, 1, 1_000_000, perSecond),
  burst: whole(`requests of ${what} that may come at once`, 1, 10_000_000, burst),
});

const limits = z
  .strictObject({
    enabled: on("whether requests are limited"),
    vm: z.strictObject(rate("one VM", RATES.vm)).prefault({}),
    vm_write: z.strictObject(rate("one VM that write", RATES.vmWrite)).prefault({}),
    address: z.strictObject(rate("one address", RATES.address)).prefault({}),
    stranger: z.strictObject(rate("one address without a right token", RATES.stranger)).prefault({}),
    waiters_per_vm: whole("requests of one VM that wait for a change", 1, 100_000, RATES.waitersPerVm),
    attributes: whole("attributes that a VM's user template holds", 1, 1_000_000, RATES.attributes),
    attribute_name_length: whole("characters of a name", 1, 65_536, RATES.attributeNameLength),
    attribute_length: whole("characters of a value", 1, 1_048_576, RATES.attributeLength),
  })
  .prefault({});

const onegate = z
  .strictObject({
    enabled: on("whether OneGate listens"),
    host,
    port: port(5030),
    conf_file: text("the path of OpenNebula's onegate-server.conf, read below this configuration").optional(),
    ssl_server: url("where a TLS proxy serves OneGate"),
    oneflow_server: url("a OneFlow elsewhere, which scales services while none runs in this house"),
    oneflow_auth_file: text(
      "the path of a file with serveradmin:password, to ask that OneFlow with",
    ).optional(),
    endpoint: url("what VM contexts carry as ONEGATE_ENDPOINT; by default where OneGate listens"),
    permissions,
    restricted_attrs: attributes("attributes that a VM may not write", ONEGATE.restrictedAttributes),
    restricted_actions: names("actions that a VM may not ask for", ONEGATE.restrictedActions),
    vnet_template_attributes: attributes(
      "network attributes shown to virtual routers",
      ONEGATE.vnetTemplateAttributes,
    ),
    max_body_bytes: whole("the largest request body", 1_024, 64 * MEBIBYTE, ONEGATE.maxBodyBytes),
    profile: z
      .enum(["open", "hardened"])
      .default(ONEGATE.profile)
      .describe("open or hardened; hardened: what takes a VM down needs a grant of its template"),
    bind_addresses: on("whether a token only counts from its VM's own addresses", ONEGATE.bindAddresses),
    trusted_proxies: z
      .array(networkText)
      .max(MAX_LIST_ITEMS)
      .default([])
      .describe(
        "a list of addresses or CIDR ranges (10.0.0.1, 10.0.0.0/8, fd00::/8) of proxies whose X-Forwarded-For is believed",
      ),
    clear_ready: on("whether READY goes when its VM leaves RUNNING", ONEGATE.clearReady),
    sessions: z
      .strictObject({
        enabled: on("whether POST /token gives session tokens"),
        default_lifetime_s: whole(
          "seconds that a session token lives when it does not say",
          1,
          21_600,
          ONEGATE.sessions.defaultLifetimeS,
        ),
      })
      .prefault({}),
    identity: z
      .strictObject({
        enabled: on("whether GET /identity gives identity tokens"),
        issuer: text("the issuer that identity tokens name, by default where OneGate is reached").optional(),
        lifetime_s: whole("seconds that an identity token lives", 10, 3_600, ONEGATE.identity.lifetimeS),
        rotation_s: whole(
          "seconds after which the signing key changes",
          3_600,
          366 * 86_400,
          ONEGATE.identity.rotationS,
        ),
      })
      .prefault({}),
    limits,
    audit: z
      .strictObject({
        enabled: on("whether writes, actions and refusals are audited"),
        file: text("the path of the audit, by default audit.jsonl in the home").optional(),
        max_bytes: whole("the size at which a new file is begun", 65_536, 1_024 * MEBIBYTE, 16 * MEBIBYTE),
        files: whole("how many files are kept", 1, 1_000, 8),
      })
      .prefault({}),
    tls: z
      .strictObject({
        cert_file: text("the path of a PEM certificate chain; OneGate then speaks HTTPS").optional(),
        key_file: text("the path of its PEM private key").optional(),
      })
      .prefault({}),
    max_connections: whole("connections at one time", 16, 1_000_000, ONEGATE.connections.max),
    max_connections_per_address: whole(
      "connections of one address at one time",
      1,
      1_000_000,
      ONEGATE.connections.maxPerAddress,
    ),
  })
  .prefault({});

/** 5031 is next to OneGate's port and used by no daemon of OpenNebula; fixed, so that a probe can be set up once. */
const admin = z
  .strictObject({
    host,
    port: port(5031),
    metrics: z
      .strictObject({ enabled: on("whether requests are counted for /metrics and gatehouse top") })
      .prefault({}),
  })
  .prefault({});

/** The port of OpenNebula's own core, whose clients find it there unasked. */
const rpc = z
  .strictObject({
    enabled: on("whether XML-RPC is served, which every admin command speaks"),
    host,
    port: port(2633),
    server_cert_file: text(
      "the path of the PEM certificate with which servers of driver server_x509 speak for users",
    ).optional(),
  })
  .prefault({});

const processDriver = z
  .strictObject({
    enabled: z
      .enum(["auto", "always", "never"])
      .default("auto")
      .describe("auto, always or never; auto: only while every server listens on loopback"),
    trusted_users: names("users whose templates may run as processes", ["oneadmin"]),
    uid_base: whole(
      "the first of the user ids that guests run under, when the house is root",
      1,
      2 ** 31,
      200_000,
    ),
    run_dir: text(
      "a directory for the guests' files; by default guests in the home, or below /var/lib/gatehouse for root",
    ).optional(),
    grace_ms: whole("how long a guest may take to shut down", 0, 3_600_000, 30_000),
    max_log_bytes: whole("the size at which a guest's log is cut", 1_024, 1_024 * MEBIBYTE, MEBIBYTE),
  })
  .prefault({});

const cloud = z
  .strictObject({
    kind: z
      .enum(["embedded", "opennebula"])
      .default("embedded")
      .describe("embedded or opennebula: a cloud of the house's own, or a real OpenNebula"),
    opennebula: openNebulaFields,
    driver: z
      .enum(["process", "qemu", "dummy"])
      .default("process")
      .describe("process, qemu or dummy: what runs the VMs of the first host; dummy simulates every VM"),
    dummy_boot_ms: whole("how long a simulated VM takes to boot", 0, 86_400_000, 0),
    process: processDriver,
    qemu: qemuFields,
  })
  .prefault({});

const log = z
  .strictObject({
    level: z
      .enum(LOG_LEVELS)
      .default("info")
      .describe(`one of ${LOG_LEVELS.join(", ")}`),
  })
  .prefault({});

export const configSchema = z.strictObject({
  home: text("a directory, where everything the house knows is kept").default("./var"),
  onegate,
  oneflow: oneflowFields,
  rpc,
  admin,
  monitor: monitorFields,
  cloud,
  log,
});

/** The whole configuration, checked, with every default filled in. */
export type Config = Readonly<z.output<typeof configSchema>>;
