/** The life cycle of this house's services: the shell around its pure core, over a cloud. */

import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { SERVICE_STATE } from "../../../shared/states/service.ts";
import { type Actor, SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import { DOCUMENT_TYPE, type Document } from "../../cloud/model.ts";
import { authorize, isAllowed } from "../../cloud/permissions.ts";
import { takeNew } from "../lifecycle/take-new.ts";
import { asJson, type ServiceBody } from "../model.ts";
import type { OneFlowSettings } from "../settings.ts";
import { ownerOf } from "./found.ts";
import { houseTime } from "./house-time.ts";
import { LogFiles } from "./log-files.ts";
import type { OneFlow } from "./oneflow.ts";
import { chownAll } from "./ownership.ts";
import { rolesNamed, scheduleRoles, unscheduleRoles } from "./schedule.ts";
import { flowOf, serviceDocument } from "./service-document.ts";
import { Services } from "./services.ts";

export interface OneFlowOptions {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: OneFlowSettings;
  /** Where the services' log files are; made when the first line is written. */
  readonly logDirectory: string;
}

/**
 * Resolves when every service there is has been taken up; what each then owes goes on side by side.
 * @throws GatehouseError `unavailable` when the cloud cannot be read; nothing is heard or begun then.
 */
export async function createOneFlow(options: OneFlowOptions): Promise<OneFlow> {
  const { cloud, clock, log, settings, logDirectory } = options;
  const now = houseTime(clock);
  const logFiles = new LogFiles({ directory: logDirectory, clock, log });
  const services = new Services({ cloud, clock, log, now, settings, logFiles });
  try {
    await services.start();
  } catch (error) {
    await services.close();
    throw error;
  }

  return {
    async instantiate(actor, template) {
      const body = asJson(takeNew(template, now()));
      const id = await cloud.documents.allocate(actor, {
        type: DOCUMENT_TYPE.service,
        name: template.name,
        body,
      });
      // Before it is taken up: this is how it was made, where the cloud knows it at once.
      const document = cloud.documents.peek(SYSTEM, id);
      services.adoptNew(id);
      return document ?? (await cloud.documents.get(SYSTEM, id));
    },
    async command(actor, serviceId, command) {
      await managed(cloud, actor, serviceId);
      const mailbox = services.mailbox(serviceId);
      if (mailbox === undefined) throw unreadable(serviceId);
      await mailbox.command(command);
    },
    async chown(actor, serviceId, owner) {
      const document = await serviceDocument(cloud, actor, serviceId);
      await chownAll({ cloud, log }, actor, document, owner, () => services.adoptedBy(serviceId));
    },
    async rename(actor, serviceId, name) {
      // Only its kind matters here: who may rename need not be one who may see.
      await serviceDocument(cloud, SYSTEM, serviceId);
      await cloud.documents.rename(actor, serviceId, name);
    },
    async chmod(actor, serviceId, bits) {
      await serviceDocument(cloud, SYSTEM, serviceId);
      await cloud.documents.chmod(actor, serviceId, bits);
    },
    async schedule(actor, serviceId, role, schedule) {
      const document = await managed(cloud, actor, serviceId);
      const roles = rolesNamed(bodyOf(document), role);
      const seconds = Math.floor(now() / 1_000);
      await scheduleRoles(cloud, await ownerFor(cloud, document), roles, schedule, settings, seconds);
    },
    async unschedule(actor, serviceId, role, actionId) {
      const document = await managed(cloud, actor, serviceId);
      const roles = rolesNamed(bodyOf(document), role);
      await unscheduleRoles(cloud, await ownerFor(cloud, document), roles, actionId);
    },
    purgeDone: (actor) => purgeDone(cloud, actor),
    settled: () => services.settled(),
    close: () => services.close(),
  };
}

/** @throws GatehouseError `not_found`, `forbidden` or `locked`. */
async function managed(cloud: Cloud, actor: Actor, serviceId: number): Promise<Document> {
  const document = await serviceDocument(cloud, actor, serviceId);
  authorize(actor, document, "MANAGE", "DOCUMENT");
  return document;
}

function bodyOf(document: Document): ServiceBody {
  return flowOf(document).body;
}

async function ownerFor(cloud: Cloud, document: Document): Promise<Actor> {
  const owner = await ownerOf(cloud, document);
  if (owner === undefined) throw new GatehouseError("not_found", `Error getting user [${document.uid}].`);
  return owner;
}

function unreadable(serviceId: number): GatehouseError {
  return new GatehouseError(
    "conflict",
    `Service ${serviceId} is left alone, because its document cannot be read: repair it, or remove the document.`,
  );
}

async function purgeDone(cloud: Cloud, actor: Actor): Promise<number> {
  const all = await cloud.documents.list(actor);
  const done = all.filter((document) => {
    const isService = document.type === DOCUMENT_TYPE.service;
    return isService && document.body?.state === SERVICE_STATE.DONE && isAllowed(actor, document, "MANAGE");
  });
  const removed = await Promise.allSettled(done.map(({ id }) => cloud.documents.delete(actor, id)));
  for (const result of removed) {
    // Locked, or gone meanwhile.
    if (result.status === "rejected" && !isGatehouseError(result.reason)) throw result.reason;
  }
  return removed.filter(({ status }) => status === "fulfilled").length;
}
