/** Settings from OpenNebula's own server_x509_auth.conf, which its servers and its core read (docs/opennebula.md). */

import { suggestion } from "./nearest.ts";
import { symbol } from "./ruby-conf.ts";
import type { Setting, Source } from "./source.ts";
import { parseYaml } from "./yaml-text.ts";

const SECTION = "cloud.opennebula.x509";

const SETTING_OF: ReadonlyMap<string, string> = new Map([
  ["srv_user", `${SECTION}.user`],
  ["one_cert", `${SECTION}.cert_file`],
  ["one_key", `${SECTION}.key_file`],
]);

/** Beside the file, where it names none. */
const DEFAULTS = { [`${SECTION}.cert_file`]: "cert.pem", [`${SECTION}.key_file`]: "key.pem" } as const;

export function readX509Conf(file: string, text: string): Source {
  const yaml = parseYaml(file, text, "1.1");
  const settings: Setting[] = Object.entries(DEFAULTS).map(([path, value]) => ({
    path,
    value,
    origin: `${yaml.name} does not name another`,
  }));
  const faults = [...yaml.faults];
  for (const { key, value, line } of yaml.pairs) {
    const path = SETTING_OF.get(symbol(key));
    const origin = `${yaml.name} line ${line}`;
    const plain = yaml.plain(value);
    if (path === undefined)
      faults.push(`${key} is not a setting (${origin}); ${suggestion(symbol(key), [...SETTING_OF.keys()])}`);
    else if (plain !== null) settings.push({ path, value: plain, origin });
  }
  return { settings, faults, notes: [] };
}
