/** What the variables of a CONTEXT mean for one VM: its attributes, its networks, its user. */

import { stringOf, type Template, type Vector, vectorsOf } from "../../../../shared/template/types.ts";
import { type ContextSubject, interfacesOf, networkAttribute, networkOf } from "./subject.ts";
import type { Reference, VariableSource } from "./substitute.ts";

/**
 * What no variable may reach, wherever it is asked of: a guest could hand on what its user keeps from it
 * (TOKEN_PASSWORD makes the tokens of all VMs of that user).
 */
const SECRET_ATTRIBUTES: ReadonlySet<string> = new Set([
  "TOKEN_PASSWORD",
  "LOGIN_TOKEN",
  "TWO_FACTOR_AUTH_SECRET",
]);

/** Answers variables for one VM; secrets and unknown names are undefined. */
export function variableSource(subject: Omit<ContextSubject, "onegateEndpoint">): VariableSource {
  return {
    single(name) {
      return SECRET_ATTRIBUTES.has(name) ? undefined : singleAttribute(subject.vm, name);
    },
    within(reference) {
      if (SECRET_ATTRIBUTES.has(reference.attribute)) return undefined;
      switch (reference.scope) {
        case "NETWORK":
          return ofNetwork(subject, reference);
        case "USER":
          return stringOf(subject.user.template, reference.attribute);
        case "TEMPLATE":
          return singleAttribute(subject.vm, reference.attribute);
        default:
          return ofVector(subject.vm, reference);
      }
    },
  };
}

function singleAttribute(vm: ContextSubject["vm"], name: string): string | undefined {
  switch (name) {
    case "NAME":
      return vm.name;
    case "VMID":
      return String(vm.id);
    case "UID":
      return String(vm.uid);
    case "GID":
      return String(vm.gid);
    case "UNAME":
      return vm.uname;
    case "GNAME":
      return vm.gname;
    default:
      return stringOf(vm.template, name) ?? stringOf(vm.userTemplate, name);
  }
}

/** Only networks that the VM stands in answer: naming a foreign one must not tell of it. */
function ofNetwork(
  subject: Omit<ContextSubject, "onegateEndpoint">,
  reference: Reference,
): string | undefined {
  const { key, keyValue } = reference;
  if (key === undefined) return undefined;
  const nicKey = key === "NAME" ? "NETWORK" : key;
  const nic = interfacesOf(subject.vm.template).find((candidate) => candidate[nicKey] === keyValue);
  const network = nic && networkOf(nic, subject.networks);
  return network && networkAttribute(network, nic, reference.attribute);
}

function ofVector(
  { template, userTemplate }: ContextSubject["vm"],
  reference: Reference,
): string | undefined {
  const { scope, attribute, key, keyValue } = reference;
  const candidates = [template, userTemplate].flatMap((source: Template): readonly Vector[] =>
    vectorsOf(source, scope),
  );
  return candidates.find((vector) => key === undefined || vector[key] === keyValue)?.[attribute];
}
