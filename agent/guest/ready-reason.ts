/** READY_REASON: why a guest is not ready, as one short line that every OneGate stores as it is. */

const MAX_REASON_LENGTH = 200;

/** READY=NO with its reason, for one PUT. */
export function notReadyText(reason: string): string {
  return `READY=NO\nREADY_REASON="${reasonText(reason)}"`;
}

/** READY=YES, and no reason any more, in one PUT; the empty vector removes an attribute (spec onegate-api.md 4.3). */
export const READY_TEXT = "READY=YES\nREADY_REASON=[]";

/** One line without what the original's scanner trips over, in or out of quotes (spec onegate-api.md 4.4). */
export function reasonText(reason: string): string {
  const plain = reason
    .replace(/[\p{Cc}\p{Cf}\s\u2028\u2029]+/gu, " ")
    .replace(/["\\]/g, "'")
    .replace(/\[/g, "(")
    .replace(/\]/g, ")")
    .replace(/,/g, ";")
    .replace(/=/g, ":")
    .trim();
  const sentence = plain.replace(/^the /, "The ").replace(/\.$/, "");
  const characters = [...sentence];
  if (characters.length < MAX_REASON_LENGTH) return `${sentence}.`;
  return `${characters.slice(0, MAX_REASON_LENGTH - 3).join("")}...`;
}
