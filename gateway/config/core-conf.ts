/** What OpenNebula's servers are told of its core: it counts where the house stands before a real OpenNebula. */

import type { RubyConf } from "./ruby-conf.ts";
import { shown } from "./source.ts";
import type { YamlPair } from "./yaml-text.ts";

/** Where OpenNebula's servers look for it: in the folder of their own files. */
export const X509_CONF = "cloud.opennebula.x509.conf_file";

/** Readers for the keys that onegate-server.conf and oneflow-server.conf share, and the stream of events. */
export const CORE_KEYS: Readonly<Record<string, (pair: YamlPair, conf: RubyConf) => void>> = {
  one_xmlrpc: settingFor("cloud.opennebula.endpoint", "one_xmlrpc"),
  subscriber_endpoint: settingFor("cloud.opennebula.hooks", "subscriber_endpoint"),
  core_auth: readCoreAuth,
};

/** Keys that both have, and that mean nothing here. */
export const CORE_WITHOUT_MEANING: Readonly<Record<string, string>> = {
  expire_delta: "sessions with a core last as long as the original's do by default",
  expire_margin: "sessions with a core last as long as the original's do by default",
};

function settingFor(path: string, key: string) {
  return (pair: YamlPair, conf: RubyConf): void => {
    if (conf.plain(pair) === null) return;
    conf.set(path, pair);
    conf.note(pair, `:${key}: counts with cloud.kind opennebula alone`);
  };
}

/** The original takes what it does not know for cipher. */
function readCoreAuth(pair: YamlPair, conf: RubyConf): void {
  const value = conf.plain(pair);
  if (value !== "cipher" && value !== "x509")
    conf.note(pair, `:core_auth: is ${shown(value)}; cipher is taken`);
  conf.put("cloud.opennebula.core_auth", value === "x509" ? "x509" : "cipher", pair);
  if (value === "x509") conf.put(X509_CONF, "auth/server_x509_auth.conf", pair);
}
