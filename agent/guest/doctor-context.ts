/** What `onegate doctor` finds out without a network: where the context comes from, and what it says. */

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../../shared/errors.ts";
import type { World } from "./access.ts";
import type { Context } from "./context.ts";
import { type Finding, wrong } from "./doctor-finding.ts";

const NAMES = ["ONEGATE_ENDPOINT", "TOKENTXT", "ONEGATE_TOKEN", "VMID"] as const;

export function contextFindings(context: Context, world: World): readonly Finding[] {
  const source = sourceFinding(context, world);
  const rest = [endpointFinding(context), tokenFinding(context), vmIdFinding(context, world)];
  return [source, ...freshness(context, world), ...rest];
}

function sourceFinding({ file }: Context, { variables }: World): Finding {
  const check = "context";
  if (file.error === undefined && Object.keys(file.variables).length > 0) {
    return { check, result: "ok", found: `It is read from ${file.path}.` };
  }
  const given = NAMES.filter((name) => variables[name]);
  if (given.length > 0)
    return { check, result: "ok", found: `${given.join(", ")} come from the environment.` };
  if (file.error === "EACCES") {
    return wrong(check, `${file.path} cannot be read by this user.`, "Run it as root.");
  }
  const isEmpty = file.error === undefined;
  return wrong(
    check,
    isEmpty
      ? `${file.path} says nothing.`
      : `There is no context: ${file.path} cannot be read (${file.error}).`,
    "Is the context package installed, and did it run at this boot? Otherwise mount the disk that is labelled CONTEXT and set CONTEXT_DIR to it.",
  );
}

/** Only a file that is written at each boot can be older than it should be. */
function freshness({ file }: Context, { clock, variables, procRoot = "/proc" }: World): readonly Finding[] {
  if (file.error !== undefined || variables.CONTEXT_DIR) return [];
  try {
    const upSeconds = Number.parseFloat(readFileSync(join(procRoot, "uptime"), "utf8"));
    const bootMs = clock.now() - upSeconds * 1000;
    const { mtimeMs } = statSync(file.path);
    if (!(mtimeMs < bootMs)) return [];
    const written = new Date(mtimeMs).toISOString();
    const advice =
      "Did one-context run at this boot? Its token and addresses may be those of an earlier one.";
    return [
      {
        check: "freshness",
        result: "note",
        found: `${file.path} is of ${written}, before this boot.`,
        advice,
      },
    ];
  } catch {
    // No /proc: nothing can be said.
    return [];
  }
}

function endpointFinding(context: Context): Finding {
  const check = "endpoint";
  try {
    return { check, result: "ok", found: context.endpoint().origin };
  } catch (error) {
    const advice =
      "The context has ONEGATE_ENDPOINT where the cloud knows its OneGate; a URL, as in http://192.168.0.5:5030.";
    return wrong(check, errorText(error), advice);
  }
}

function tokenFinding(context: Context): Finding {
  const check = "token";
  const path = context.variables.ONEGATE_TOKEN?.trim() ?? "";
  try {
    const token = context.token();
    if (token === path && path.startsWith("/") && !looksLikeToken(token)) {
      return wrong(
        check,
        `ONEGATE_TOKEN names ${path}, which cannot be read or is empty.`,
        "Mount the context, or run it as root.",
      );
    }
    if (looksLikeToken(token)) return { check, result: "ok", found: "There is one, of the right form." };
    return { check, result: "note", found: "There is one, of a form that is unknown." };
  } catch (error) {
    return wrong(
      check,
      errorText(error),
      'The VM\'s template needs CONTEXT = [ TOKEN = "YES" ]; then power the VM off and on, or instantiate it anew.',
    );
  }
}

/** Whole AES blocks in base64 (spec onegate-api.md 2), or a JSON web token. */
export function looksLikeToken(token: string): boolean {
  if (/^[\w-]+(\.[\w-]*){2,4}$/.test(token)) return true;
  return /^[A-Za-z0-9+/]+={0,2}$/.test(token) && Buffer.from(token, "base64").length % 16 === 0;
}

/** The environment may well name another VM than the context, but then not with the context's token. */
function vmIdFinding(context: Context, { variables }: World): Finding {
  const check = "vm id";
  try {
    const id = context.vmId();
    const ofFile = context.file.variables.VMID?.trim();
    const bringsToken = Boolean(variables.TOKENTXT || variables.ONEGATE_TOKEN);
    if (ofFile === undefined || ofFile === id || bringsToken) return { check, result: "ok", found: id };
    const found = `VMID is ${id} in the environment, but the context and its token are of VM ${ofFile}.`;
    return wrong(check, found, "Unset VMID.");
  } catch (error) {
    return wrong(check, errorText(error), "The context carries VMID; was all of it sourced?");
  }
}
