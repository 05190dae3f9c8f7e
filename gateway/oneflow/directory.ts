/** The little of OneFlow that OneGate may see: which service a VM is in, and how to ask for more or fewer VMs. */

import { z } from "zod";
import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import type { Actor } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { DOCUMENT_TYPE, type Document } from "../cloud/model.ts";

export interface RoleView {
  readonly name: string;
  readonly cardinality: number;
  readonly state: number;
  /** VMs of the role, in order. */
  readonly vmIds: readonly number[];
}

/** A service as its VMs may see it. The same document gives the same object, so caches may hang on it. */
export interface ServiceView {
  readonly id: number;
  readonly name: string;
  readonly state: number;
  readonly roles: readonly RoleView[];
  /** Every VM of every role. */
  readonly vmIds: ReadonlySet<number>;
}

export interface ServiceDirectory {
  /** @throws GatehouseError `not_found` ("Service 7 not found") also when the actor may not see it. */
  find(actor: Actor, serviceId: number): Promise<ServiceView>;
  /** The same without waiting, where the cloud has it in memory; undefined says nothing yet. */
  peek(actor: Actor, serviceId: number): ServiceView | undefined;
}

/** What OneFlow does for OneGate's scale route. */
export interface ServiceScaler {
  /** Asks for a new cardinality of a role, within its limits. @throws GatehouseError when OneFlow refuses. */
  scale(actor: Actor, serviceId: number, roleName: string, cardinality: number): Promise<void>;
}

/** OneFlow writes numbers; documents of older releases hold some of them as text. */
const wholeNumber = z.union([
  z.int(),
  z
    .string()
    .regex(/^-?[0-9]{1,15}$/)
    .transform(Number),
]);

const serviceBody = z.object({
  state: wholeNumber,
  roles: z.array(
    z.object({
      name: z.string(),
      cardinality: wholeNumber,
      state: wholeNumber,
      nodes: z.array(z.object({ deploy_id: wholeNumber })).nullish(),
    }),
  ),
});

/** A directory that reads service documents, whoever writes them. */
export function createServiceDirectory(cloud: Pick<Cloud, "documents">): ServiceDirectory {
  const views = new WeakMap<Document, ServiceView>();
  return {
    async find(actor, serviceId) {
      const document = await readService(cloud, actor, serviceId);
      const known = views.get(document);
      if (known !== undefined) return known;
      const view = viewOf(document);
      views.set(document, view);
      return view;
    },
    peek(actor, serviceId) {
      const document = cloud.documents.peek(actor, serviceId);
      return document === undefined ? undefined : views.get(document);
    },
  };
}

async function readService(cloud: Pick<Cloud, "documents">, actor: Actor, id: number): Promise<Document> {
  const notFound = (cause?: unknown) => new GatehouseError("not_found", `Service ${id} not found`, { cause });
  try {
    const document = await cloud.documents.get(actor, id);
    if (document.type !== DOCUMENT_TYPE.service) throw notFound();
    return document;
  } catch (error) {
    if (isGatehouseError(error) && (error.code === "not_found" || error.code === "forbidden"))
      throw notFound(error);
    throw error;
  }
}

/** @throws GatehouseError `bad_request` when the document holds no service: its owner may write anything there. */
function viewOf(document: Document): ServiceView {
  const body = serviceBody.safeParse(document.body);
  if (!body.success) {
    throw new GatehouseError("bad_request", `Service ${document.id} is empty.`, { cause: body.error });
  }
  const roles = body.data.roles.map(({ name, cardinality, state, nodes }) => {
    return { name, cardinality, state, vmIds: (nodes ?? []).map((node) => node.deploy_id) };
  });
  const vmIds = new Set(roles.flatMap((role) => role.vmIds));
  return { id: document.id, name: document.name, state: body.data.state, roles, vmIds };
}
