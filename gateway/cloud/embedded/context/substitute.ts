/**
 * Variables in CONTEXT values: `$NAME` and `$SCOPE[ATTR, KEY="value"]` give way to what they name, once; what is put in
 * is never read again, so a value cannot smuggle in another variable.
 */

/** `$NETWORK[DNS, NETWORK="public"]` is `{ scope: "NETWORK", attribute: "DNS", key: "NETWORK", keyValue: "public" }`. */
export interface Reference {
  readonly scope: string;
  readonly attribute: string;
  readonly key: string | undefined;
  readonly keyValue: string | undefined;
}

/** Where values come from; undefined becomes the empty string, as in OpenNebula. */
export interface VariableSource {
  /** `$NAME`, upper-case. */
  single(name: string): string | undefined;
  /** `$SCOPE[...]`, names upper-case. */
  within(reference: Reference): string | undefined;
}

/** `\$`, or a variable with an optional bracket; the key's value may be bare or quoted, with or without `\"`. */
const VARIABLE =
  /\\\$|\$([A-Za-z_][A-Za-z0-9_]*)(?:\[\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:,\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:\\?"([^"\\\]]*)\\?"|([^\s"\],]+))\s*)?\])?/g;

/**
 * The text with its variables replaced. `\$` is a literal dollar; a dollar that begins no name (`$(date)`, `${X}`, `$1`)
 * stands for itself, so most shell text passes through.
 */
export function substitute(text: string, source: VariableSource): string {
  return text.replace(
    VARIABLE,
    (found: string, name?: string, attribute?: string, key?: string, quoted?: string, bare?: string) => {
      if (name === undefined) return found.slice(1);
      if (attribute === undefined) return source.single(name.toUpperCase()) ?? "";
      return (
        source.within({
          scope: name.toUpperCase(),
          attribute: attribute.toUpperCase(),
          key: key?.toUpperCase(),
          keyValue: quoted ?? bare,
        }) ?? ""
      );
    },
  );
}
