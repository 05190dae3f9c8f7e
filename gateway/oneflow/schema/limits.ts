/** How much a service may be. Generous: the largest services known have some ten roles and some thousand VMs. */

/** Of a JSON text as it comes, in UTF-8. */
export const MAX_JSON_BYTES = 1024 * 1024;

/** Objects and arrays inside one another; a service needs seven. */
export const MAX_JSON_DEPTH = 32;

export const MAX_ROLES = 1_000;

/** UTF-16 units; the cloud allows a document's name no more. */
export const MAX_NAME_LENGTH = 128;

/** VMs of a role, whoever asks for them: `cardinality`, `max_vms`. */
export const MAX_CARDINALITY = 100_000;

/** The number in a VM's name; a role counts on from the last it gave, and never comes near. */
export const MAX_VM_NUMBER = 1_000_000_000_000;

/** Of each kind, in a role. */
export const MAX_POLICIES = 100;

/** Parents that the roles of a service name, all together. */
export const MAX_PARENTS = 10_000;

/** Networks of a service, and user inputs of a service or of a role. */
export const MAX_DECLARATIONS = 1_000;

/** Entries of an array that is joined to another. */
export const MAX_JOINED = 10_000;

/** Of a value in a refusal: longer ones are cut. */
export const MAX_SHOWN = 4_096;

/** Faults that one refusal tells. */
export const MAX_FAULTS_TOLD = 10;
