/** The names that OpenNebula gives to its domains and containers: `one-<vm id>`. */

/** OpenNebula's ids are C ints. */
const MAX_VM_ID = 2 ** 31 - 1;

/** The VM's id; undefined for the name of a domain or container that is not OpenNebula's. */
export function vmIdOf(name: string): number | undefined {
  const digits = /^one-(0|[1-9][0-9]{0,9})$/.exec(name)?.[1];
  return digits === undefined || Number(digits) > MAX_VM_ID ? undefined : Number(digits);
}
