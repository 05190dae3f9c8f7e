/**
 * The template parser against inputs nobody would write: it accepts or refuses each in both readings, prints what it
 * accepts so that it reads back the same, and never takes more work than a small multiple of the input's size.
 */

import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { isGatehouseError } from "../../shared/errors.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { printTemplate } from "../../shared/template/print.ts";
import type { Template } from "../../shared/template/types.ts";
import { type Random, seededRandom } from "../support/random.ts";

export interface FuzzOptions {
  /** Default DEFAULT_INPUTS. */
  readonly inputs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

export interface FuzzResult {
  readonly inputs: number;
  readonly seed: number;
  /** Readings (two an input) that gave a template, and that were refused. */
  readonly accepted: number;
  readonly refused: number;
}

interface Count {
  accepted: number;
  refused: number;
}

const DEFAULT_INPUTS = 1_000_000;
const LOG_EVERY = 100_000;
const READINGS = ["word", "line"] as const;

/** CPU time one reading of a short input may take: the parser needs some 0.4 µs a character, a collection of garbage more. */
const ALLOWED_CPU_US = 500_000;

/**
 * Lengths of one pattern, each GROWTH times the one before: it may take so many times more per character, and this
 * much besides. Small ones come first, so that a quadratic step is found before it takes minutes.
 */
const LENGTHS = [4 * 1024, 32 * 1024, 256 * 1024] as const;
const GROWTH = 8;
const ALLOWED_MORE = 3;
/** A quadratic step takes seconds at these lengths; the compiler and the garbage collector take less than this. */
const ALLOWED_NOISE_US = 300_000;

/** A garbage collection may fall into one measurement, but hardly into as many as this. */
const MEASUREMENTS = 3;

/** @throws Error with the seed and the input at the first input that breaks a law. */
export function templateFuzz(options: FuzzOptions = {}): FuzzResult {
  const { inputs = DEFAULT_INPUTS, seed = 1, log = () => {} } = options;
  const random = seededRandom(seed);
  const real = realTemplates();
  const count = { accepted: 0, refused: 0 };
  for (const pattern of patterns()) checkGrowth(pattern);
  for (let index = 0; index < inputs; index += 1) {
    check(makeInput(random, real), count, `number ${index}, seed ${seed}`);
    if ((index + 1) % LOG_EVERY === 0) log(`template-fuzz: ${index + 1} of ${inputs} inputs`);
  }
  return { inputs, seed, ...count };
}

function check(input: string, count: Count, which: string): void {
  try {
    const spent = cpuOf(() => checkLaws(input, count));
    const again = () => cpuOf(() => checkLaws(input, { accepted: 0, refused: 0 }));
    if (spent > ALLOWED_CPU_US && Math.min(again(), again()) > ALLOWED_CPU_US)
      throw new Error(`took ${spent} µs of CPU, ${ALLOWED_CPU_US} are allowed`);
  } catch (cause) {
    throw new Error(`template-fuzz, input ${which}: ${JSON.stringify(input)}`, { cause });
  }
}

/** A pattern repeated eight times as often costs about eight times as much; with a quadratic step, 64 times. */
function checkGrowth(pattern: Pattern): void {
  const cost = (length: number) => {
    const input = pattern.head + pattern.body.repeat(length / pattern.body.length) + pattern.tail;
    try {
      return cpuOf(() => checkLaws(input, { accepted: 0, refused: 0 }));
    } catch (cause) {
      throw new Error(`template-fuzz, ${length} characters of ${JSON.stringify(pattern)}`, { cause });
    }
  };
  const grows = (length: number) =>
    cost(length) > ALLOWED_NOISE_US + ALLOWED_MORE * GROWTH * cost(length / GROWTH);
  for (const length of LENGTHS.slice(1)) {
    if (Array.from({ length: MEASUREMENTS }).every(() => grows(length)))
      throw new Error(`template-fuzz: work grows faster than the size of ${JSON.stringify(pattern)}`);
  }
}

function checkLaws(input: string, count: Count): void {
  for (const unquoted of READINGS) {
    const template = parseOrRefuse(input, unquoted);
    count[template === undefined ? "refused" : "accepted"] += 1;
    if (template === undefined) continue;
    const printed = printTemplate(template);
    for (const reading of READINGS) {
      // Printing escapes and may outgrow the input, so the limit on size is put where no text reaches it.
      const again = parseTemplate(printed, {
        unquoted: reading,
        maxBytes: 3 * printed.length,
      });
      if (!isDeepStrictEqual(again, template))
        throw new Error(`read as "${unquoted}", then printed and read as "${reading}", it differs`);
    }
  }
}

function parseOrRefuse(input: string, unquoted: "word" | "line"): Template | undefined {
  try {
    return parseTemplate(input, { unquoted });
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    return undefined;
  }
}

/** CPU time of this thread in µs: other processes and a busy machine do not count. */
function cpuOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const used = process.threadCpuUsage(before);
  return used.user + used.system;
}

function realTemplates(): readonly string[] {
  const file = new URL("../fixtures/template/real.json", import.meta.url);
  const texts: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(texts) || texts.length === 0) throw new Error("real.json must hold an array of texts");
  return texts.map(String);
}

const NASTY = [
  ..."\"\\\n\r\t =[],#nAa1_'&{}:/.-\0\u00a0\u2028é漢😀\ufeff",
  "\\n",
  '\\"',
  "\ud800",
  "\udc00",
  "A=",
  "=[",
];

function makeInput(random: Random, real: readonly string[]): string {
  switch (random.integer(4)) {
    case 0:
      return repeat(random.integer(60), () => random.pick(NASTY));
    case 1: {
      const bytes = Buffer.from(
        repeat(random.integer(120), () => String.fromCharCode(random.integer(256))),
        "latin1",
      );
      return bytes.toString(random.pick(["utf8", "latin1", "utf16le"] as const));
    }
    default: {
      let text = random.pick(real);
      for (let left = random.integer(4); left > 0; left -= 1) text = mutate(text, random, real);
      return text;
    }
  }
}

/** One change somewhere: a piece taken out, doubled, replaced by nasty characters, or brought from elsewhere. */
function mutate(text: string, random: Random, real: readonly string[]): string {
  const from = random.integer(text.length + 1);
  const end = Math.min(text.length, from + random.integer(8));
  const [before, piece, after] = [text.slice(0, from), text.slice(from, end), text.slice(end)];
  switch (random.integer(5)) {
    case 0:
      return before + after;
    case 1:
      return before + piece + piece + after;
    case 2:
      return before + repeat(1 + random.integer(3), () => random.pick(NASTY)) + after;
    case 3:
      return before + random.pick(NASTY) + piece + after;
    default: {
      const other = random.pick(real);
      return before + other.slice(random.integer(other.length + 1)) + after;
    }
  }
}

function repeat(times: number, make: () => string): string {
  return Array.from({ length: times }, make).join("");
}

interface Pattern {
  readonly head: string;
  readonly body: string;
  readonly tail: string;
}

/** A beginning, what is repeated, and an end: where a step looks ahead or back, one of them makes it look far. */
function patterns(): readonly Pattern[] {
  const heads = ["", 'A="', "A=[", "A=[B=", "A=", "#", "A ", 'A="\\'];
  const spaces = ["\\n", " ", "#", "#\n"];
  const signs = ["\\", '"', '\\"', "\\\\", "=", "a", ",", "]"];
  const attributes = ["A=b\\n", "A=b\n", "B=c,", 'A="b"', "A=b#\\n", 'A="b"\\n', "A=[]\n"];
  return heads.flatMap((head) => [
    ...[...spaces, ...signs, ...attributes].map((body) => ({ head, body, tail: "" })),
    ...signs.map((body) => ({ head, body, tail: "x" })),
  ]);
}
