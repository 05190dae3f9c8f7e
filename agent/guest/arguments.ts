/** The command line of `onegate`: words and options in any order (spec onegate-cli.md 3). */

import { GatehouseError } from "../../shared/errors.ts";

/**
 * What an option takes: nothing, or the text that follows it. `whole`: its name cannot be shortened, since beginnings
 * that mean an option of the original must go on meaning it.
 */
const OPTIONS = {
  json: { short: "j", takes: "nothing" },
  data: { short: "d", takes: "text" },
  erase: { short: "e", takes: "text" },
  hard: { short: "f", takes: "nothing" },
  extended: { takes: "nothing" },
  role: { short: "r", takes: "text" },
  cardinality: { short: "c", takes: "text" },
  insecure: { short: "k", takes: "nothing" },
  retries: { takes: "text" },
  timeout: { takes: "text" },
  interval: { takes: "text" },
  directory: { takes: "text" },
  once: { takes: "nothing" },
  help: { short: "h", takes: "nothing" },
  id: { takes: "text", whole: true },
  wait: { takes: "text", whole: true },
  exec: { takes: "text", whole: true },
  audience: { takes: "text", whole: true },
  lifetime: { takes: "text", whole: true },
  scope: { takes: "text", whole: true },
  tcp: { takes: "text", whole: true },
  http: { takes: "text", whole: true },
  file: { takes: "text", whole: true },
  unit: { takes: "text", whole: true },
} as const satisfies Record<string, { short?: string; takes: "nothing" | "text"; whole?: true }>;

type OptionName = keyof typeof OPTIONS;
type FlagName = { [N in OptionName]: (typeof OPTIONS)[N]["takes"] extends "nothing" ? N : never }[OptionName];
export type TextName = Exclude<OptionName, FlagName>;

export interface Arguments {
  /** What is not an option, in order: resource, command, id. */
  readonly words: readonly string[];
  readonly flags: ReadonlySet<FlagName>;
  /** Of an option given twice, the last. */
  readonly texts: ReadonlyMap<TextName, string>;
}

/**
 * Reads the arguments after the command's name. `--name VALUE`, `--name=VALUE`, `-nVALUE`, flags in one (`-jk`), and
 * any beginning of a long name that only one option has; `--` ends the options. Seed 003 writes `-hard` for `--hard`.
 * @throws GatehouseError `bad_request` for an unknown option, or one without its value.
 */
export function parseArguments(argv: readonly string[]): Arguments {
  const words: string[] = [];
  const flags = new Set<FlagName>();
  const texts = new Map<TextName, string>();
  const rest = [...argv];
  const take = (name: OptionName, shown: string, attached: string | undefined): void => {
    if (isFlag(name)) {
      if (attached !== undefined) throw wrong(`needless argument: ${shown}=${attached}`);
      flags.add(name);
      return;
    }
    const value = attached ?? rest.shift();
    if (value === undefined) throw wrong(`missing argument: ${shown}`);
    texts.set(name, value);
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") words.push(...rest.splice(0));
    else if (word === "-hard") flags.add("hard");
    else if (word.startsWith("--")) takeLong(word, take);
    else if (word.startsWith("-") && word.length > 1) takeShort(word, take);
    else words.push(word);
  }
  return { words, flags, texts };
}

type Take = (name: OptionName, shown: string, attached: string | undefined) => void;

function takeLong(word: string, take: Take): void {
  const equals = word.indexOf("=");
  const shown = equals < 0 ? word : word.slice(0, equals);
  const typed = shown.slice(2);
  const isMeant = (name: OptionName) =>
    name === typed || (typed !== "" && name.startsWith(typed) && !("whole" in OPTIONS[name]));
  const names = optionNames().filter(isMeant);
  const name = names.find((candidate) => candidate === typed) ?? names[0];
  if (name === undefined) throw wrong(`invalid option: ${shown}`);
  if (names.length > 1 && name !== typed) throw wrong(`ambiguous option: ${shown}`);
  take(name, `--${name}`, equals < 0 ? undefined : word.slice(equals + 1));
}

function takeShort(word: string, take: Take): void {
  for (let at = 1; at < word.length; at += 1) {
    const shown = `-${word.charAt(at)}`;
    const name = optionNames().find((candidate) => shortOf(candidate) === word.charAt(at));
    if (name === undefined) throw wrong(`invalid option: ${shown}`);
    const attached = word.slice(at + 1);
    if (!isFlag(name)) {
      take(name, shown, attached === "" ? undefined : attached.replace(/^=/, ""));
      return;
    }
    take(name, shown, undefined);
  }
}

function optionNames(): readonly OptionName[] {
  return Object.keys(OPTIONS).filter((name): name is OptionName => name in OPTIONS);
}

function shortOf(name: OptionName): string | undefined {
  const option = OPTIONS[name];
  return "short" in option ? option.short : undefined;
}

function isFlag(name: OptionName): name is FlagName {
  return OPTIONS[name].takes === "nothing";
}

function wrong(message: string): GatehouseError {
  return new GatehouseError("bad_request", message);
}

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/**
 * A number of an option or a variable, within bounds.
 * @throws GatehouseError `bad_request` that names it.
 */
export function boundedNumber(name: string, text: string, { least, most }: Bounds): number {
  const value = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw wrong(`${name} must be a number from ${least} to ${most}, not ${JSON.stringify(text)}.`);
}
