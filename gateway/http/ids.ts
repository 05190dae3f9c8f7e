/** Ids as clients write them: exact decimals, since `249x` or `0249` must never mean 249. */

const DECIMAL = /^(0|[1-9][0-9]{0,15})$/;

const MAX_SHOWN_CHARACTERS = 40;

/** The id that the text writes exactly; undefined for anything else, and beyond what a number holds. */
export function exactId(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** A client's text cut to a length that fits in a sentence. */
export function shown(text: string, limit: number = MAX_SHOWN_CHARACTERS): string {
  return text.length > limit ? `${text.slice(0, limit)}...` : text;
}
