/** Numbers as the original has them: text read like C's atof, means rounded to two decimals, floats printed like Ruby's. */

/** Longer text is no number of a metric. */
const MAX_NUMBER_LENGTH = 400;
const LEADING_NUMBER = /^[ \t\n\v\f\r]*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)/;

/**
 * The number that a text begins with, whatever follows it ("9.7 %" is 9.7). Undefined where there is none, and where
 * it is not finite: the original takes "abc" for 0, which scales services by accident.
 */
export function leadingNumber(text: string): number | undefined {
  const number = LEADING_NUMBER.exec(
    text.length > MAX_NUMBER_LENGTH ? text.slice(0, MAX_NUMBER_LENGTH) : text,
  );
  if (number === null) return undefined;
  const value = Number(number[1]);
  return Number.isFinite(value) ? value : undefined;
}

/** From here on every float is whole: hundredths cannot be told apart. */
const ROUNDED_UP_TO = 2 ** 52;

/** To two decimals, halves away from zero, as Ruby's Float#round(2). */
export function roundToHundredths(value: number): number {
  const size = Math.abs(value);
  if (!(size < ROUNDED_UP_TO)) return value;
  const scaled = size * 100;
  const down = Math.floor(scaled);
  // The half is looked at unscaled too, as Ruby does: 5.015 * 100 falls just short of 501.5.
  const up = scaled - down >= 0.5 || (down + 0.5) / 100 <= size;
  return (Math.sign(value) * (up ? down + 1 : down)) / 100;
}

/** Ruby writes floats from here on with an exponent. */
const EXPONENT_FROM = 1e16;
const EXPONENT_BELOW = 1e-4;

/** As Ruby's Float#to_s: `50.0`, `0.5`, `1.0e+16`. */
export function rubyFloat(value: number): string {
  const size = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (!Number.isFinite(size)) return Number.isNaN(value) ? "NaN" : `${sign}Infinity`;
  if (size !== 0 && (size >= EXPONENT_FROM || size < EXPONENT_BELOW)) return sign + withExponent(size);
  const text = String(size);
  return `${sign}${text.includes(".") ? text : `${text}.0`}`;
}

function withExponent(size: number): string {
  const [digits = "", exponent = ""] = size.toExponential().split("e");
  const power = exponent.slice(1).padStart(2, "0");
  return `${digits.includes(".") ? digits : `${digits}.0`}e${exponent.startsWith("-") ? "-" : "+"}${power}`;
}
