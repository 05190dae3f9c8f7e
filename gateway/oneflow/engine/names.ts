/** Names that the house gives to what it makes for a service (spec oneflow-api.md 1: vm_name_template). */

export interface NameParts {
  readonly serviceId: number;
  readonly serviceName: string;
  readonly role: string;
  /** VM_NUMBER: a number, or the cloud's `%i`. */
  readonly number?: string;
}

/** Its variables once each: what stands in a service's name is no variable. */
export function nameFrom(template: string, { serviceId, serviceName, role, number = "" }: NameParts): string {
  return template.replace(/\$(SERVICE_ID|SERVICE_NAME|ROLE_NAME|VM_NUMBER)/g, (_, variable: string) => {
    if (variable === "SERVICE_ID") return String(serviceId);
    if (variable === "SERVICE_NAME") return serviceName;
    return variable === "ROLE_NAME" ? role : number;
  });
}

/** Of a network that is made for a service. */
export function networkName(network: string, serviceId: number): string {
  return `${network}-${serviceId}`;
}
