/**
 * A second way to evaluate expressions, for comparison: it rewrites the text until one letter is left. Comparisons
 * become T or F (or U, where a value is missing), then `!`, `&` and `|` are worked off, innermost parentheses first.
 */

const OPERAND = "(?:-?[0-9]+(?:\\.[0-9]+)?|[A-Z][A-Z0-9_]*)";
const COMPARISON = new RegExp(`(${OPERAND})(==|=|!=|<>|>=|<=|>|<)(${OPERAND})`, "g");

/** @param values by name, in upper case; a name that is not there is missing. */
export function rewritten(text: string, values: ReadonlyMap<string, number>): "T" | "F" | "U" {
  let rest = text.toUpperCase().replaceAll(" ", "").replaceAll("&&", "&").replaceAll("||", "|");
  // Brackets keep the letters of results apart from names.
  rest = rest.replace(COMPARISON, (_, left: string, operator: string, right: string) => {
    const numbers = [left, right].map((operand) => {
      return /^[A-Z]/.test(operand) ? values.get(operand) : Number.parseFloat(operand);
    });
    const [a, b] = numbers;
    if (a === undefined || b === undefined) return "[U]";
    const outcomes: Readonly<Record<string, boolean>> = {
      "<": a < b,
      ">": a > b,
      "<=": a <= b,
      ">=": a >= b,
      "!=": a !== b,
      "<>": a !== b,
    };
    return (outcomes[operator] ?? a === b) ? "[T]" : "[F]";
  });
  const steps: [RegExp, (match: string, a: string, b: string) => string][] = [
    [/!\[([TFU])\]/, (_, a) => `[${{ T: "F", F: "T" }[a] ?? "U"}]`],
    [
      /\[([TFU])\]&\[([TFU])\]/,
      (_, a, b) => (a === "F" || b === "F" ? "[F]" : a === "T" && b === "T" ? "[T]" : "[U]"),
    ],
    [
      /(?<![&!])\[([TFU])\]\|\[([TFU])\](?!&)/,
      (_, a, b) => (a === "T" || b === "T" ? "[T]" : a === "F" && b === "F" ? "[F]" : "[U]"),
    ],
    [/\(\[([TFU])\]\)/, (_, a) => `[${a}]`],
  ];
  for (;;) {
    const step = steps.find(([pattern]) => pattern.test(rest));
    if (step === undefined) break;
    rest = rest.replace(step[0], step[1]);
  }
  const result = /^\[([TFU])\]$/.exec(rest)?.[1];
  if (result !== "T" && result !== "F" && result !== "U") throw new Error(`cannot rewrite ${text}: ${rest}`);
  return result;
}
