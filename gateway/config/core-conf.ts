/** What OpenNebula's servers are told of its core: it counts where the house stands before a real OpenNebula. */

import type { RubyConf } from "./ruby-conf.ts";
import type { YamlPair } from "./yaml-text.ts";

/** Readers for the keys that onegate-server.conf and oneflow-server.conf share, and the stream of events. */
export const CORE_KEYS: Readonly<Record<string, (pair: YamlPair, conf: RubyConf) => void>> = {
  one_xmlrpc: settingFor("cloud.opennebula.endpoint", "one_xmlrpc"),
  subscriber_endpoint: settingFor("cloud.opennebula.hooks", "subscriber_endpoint"),
  core_auth: checkCoreAuth,
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
    conf.note(pair, `:${key}: counts with cloud.kind opennebula; an embedded cloud is in the same house`);
  };
}

function checkCoreAuth(pair: YamlPair, conf: RubyConf): void {
  if (conf.plain(pair) !== "x509") return;
  conf.fault(`:core_auth: is x509 (${conf.origin(pair)}); only cipher is known`);
}
