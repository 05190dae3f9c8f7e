/** MONITORING_DATA: what is known of VMs and hosts, which is the last reading of each. */

import { isJsonObject } from "../cloud/document/fields.ts";
import type { Host, JsonObject, Vm } from "../cloud/model.ts";
import { documentXml } from "./document-xml.ts";

/** A VM that was never measured has none. */
export function vmMonitoring(vms: readonly Vm[]): string {
  const readings = vms.filter((vm) => Object.keys(vm.monitoring).length > 0);
  return dataXml(readings.map((vm) => ({ ...vm.monitoring, ID: String(vm.id) })));
}

export function hostMonitoring(hosts: readonly Host[]): string {
  const readings = hosts.flatMap((host): JsonObject[] => {
    const reading = host.extra?.MONITORING;
    const isReading = isJsonObject(reading) && Object.keys(reading).length > 0;
    return isReading ? [{ ...reading, ID: String(host.id) }] : [];
  });
  return dataXml(readings);
}

function dataXml(readings: readonly JsonObject[]): string {
  return documentXml({ MONITORING_DATA: readings.length === 0 ? {} : { MONITORING: readings } });
}
