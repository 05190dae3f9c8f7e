/** What an expression is made of, once parsed: `avg(CPU, 5m) > 80 & !(USER_TEMPLATE.LOAD < 2)`. */

/** Where a value of a VM may be found, in the order in which they are looked at (seed 003, 1.4.4). */
export const PLACES = ["USER_TEMPLATE", "MONITORING", "TEMPLATE", "VM"] as const;

export type Place = (typeof PLACES)[number];

/** Functions over the readings of a stretch of time. */
export const TIME_FUNCTIONS = ["avg", "max", "min", "sum", "last", "rate", "p95"] as const;

export type TimeFunction = (typeof TIME_FUNCTIONS)[number];

/** What stands for a value of a role: a name, in any place or in one, now or over time. */
export interface Reference {
  /** As it is printed, and the same for the same reference: `CPU`, `MONITORING.CPU`, `avg(CPU, 5m)`. */
  readonly key: string;
  /** Undefined: the first of PLACES that has it. */
  readonly place: Place | undefined;
  /** Upper case. */
  readonly name: string;
  readonly over: { readonly function: TimeFunction; readonly seconds: number } | undefined;
}

export type Operand =
  | { readonly kind: "number"; readonly value: number; readonly printed: string }
  /** `index` into the expression's references. */
  | { readonly kind: "reference"; readonly index: number };

export type Comparator = "==" | "=" | "!=" | "<>" | ">=" | ">" | "<=" | "<";

export type LogicalOperator = "&" | "&&" | "|" | "||";

/** Chains are lists, so that their length costs no depth. */
export type Condition =
  | {
      readonly kind: "comparison";
      readonly operator: Comparator;
      readonly left: Operand;
      readonly right: Operand;
    }
  | { readonly kind: "not"; readonly inner: Condition }
  | { readonly kind: "group"; readonly inner: Condition }
  | {
      readonly kind: "all" | "any";
      readonly terms: readonly Condition[];
      /** As written, one less than the terms. */
      readonly operators: readonly LogicalOperator[];
    };

export interface Expression {
  readonly text: string;
  readonly root: Condition;
  /** Each once, in the order of their first use. */
  readonly references: readonly Reference[];
}
