/** Calls of OpenNebula's core, as one of its users: bounded, counted, and honest about what is not known. */

import type { Clock } from "../../../shared/clock.ts";
import { errorText, GatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { xmlToTree } from "../../../shared/xml/parse.ts";
import { MAX_XML_BYTES, type XmlNode } from "../../../shared/xml/tree.ts";
import { decodeAnswer, encodeCall, type RpcAnswer, type RpcValue } from "../../../shared/xmlrpc/encoding.ts";
import { type Actor, SYSTEM } from "../actor.ts";
import { ActingSessions } from "./acting.ts";
import { Breaker } from "./breaker.ts";
import { AnswerTooLarge, NotAuthenticated, refusal, UnknownOutcome } from "./refusals.ts";
import type { OpenNebulaOptions, OpenNebulaTimes } from "./settings.ts";
import { NoAnswer, openTransport, TooMuch, type Transport } from "./transport.ts";
import { Bounded } from "./turns.ts";

/** The core has 15 threads for calls by default (RPC_LOG, MAX_CONN of oned.conf): a few are left to others. */
const MAX_CALLS = 12;
const MAX_WAITING = 2_000;

const PROOFS = {
  cipher: "name and password in cloud.opennebula.auth_file",
  x509: "cloud.opennebula.x509; its user must have the driver server_x509 and the certificate's subject as password",
} as const;

export type CoreValue = string | number | boolean;

/** A call that only reads may be repeated; any other is made once, and no more. */
type Effect = "reads" | "writes";

export class Core {
  readonly #sessions: ActingSessions;
  readonly #transport: Transport;
  readonly #bounded: Bounded;
  readonly #breaker: Breaker;
  /** What the administrator must look at when the core takes no session of the house. */
  readonly #proof: string;
  readonly log: Logger;
  readonly clock: Clock;

  constructor(options: OpenNebulaOptions & Pick<OpenNebulaTimes, "timeoutMs">) {
    const { endpoint, server, clock, log, timeoutMs, maxCalls = MAX_CALLS } = options;
    this.clock = clock;
    this.log = log;
    this.#sessions = new ActingSessions(server, clock);
    this.#proof = "key" in server ? PROOFS.x509 : PROOFS.cipher;
    this.#transport = openTransport({ endpoint, clock, timeoutMs, maxAnswerBytes: MAX_XML_BYTES });
    this.#bounded = new Bounded(maxCalls, MAX_WAITING);
    this.#breaker = new Breaker(clock);
  }

  /** The XML that a call gives. @throws GatehouseError as the core refuses, or `unavailable`. */
  async read(actor: Actor, method: string, ...values: readonly RpcValue[]): Promise<string> {
    return String(await this.#asActor(actor, "reads", method, values));
  }

  /** The same, taken apart. What is no XML is no answer. @throws as `read` */
  async readTree(actor: Actor, method: string, ...values: readonly RpcValue[]): Promise<XmlNode> {
    return treeIn(await this.read(actor, method, ...values), method);
  }

  /** The answer to a call that reads, as it came, for who takes it apart. @throws AnswerTooLarge beyond `maxBytes`. */
  async ask(actor: Actor, maxBytes: number, method: string, ...values: readonly RpcValue[]): Promise<Buffer> {
    return await this.#exchanged(this.#sessions.for(actor), "reads", method, values, maxBytes);
  }

  /** The XML in what `ask` gave. @throws as `read` */
  told(actor: Actor, method: string, body: Buffer): string {
    try {
      return String(valueIn(body, method, "reads"));
    } catch (error) {
      throw this.#toldTo(actor, error);
    }
  }

  /** @throws GatehouseError as the core refuses, `unavailable` when it was not reached; UnknownOutcome. */
  async write(actor: Actor, method: string, ...values: readonly RpcValue[]): Promise<CoreValue> {
    return await this.#asActor(actor, "writes", method, values);
  }

  /** The same for calls that give an id. */
  async make(actor: Actor, method: string, ...values: readonly RpcValue[]): Promise<number> {
    const id = await this.write(actor, method, ...values);
    if (typeof id === "number" && Number.isSafeInteger(id)) return id;
    throw new UnknownOutcome(`OpenNebula's core did ${method}, and gave no id for it.`);
  }

  /** Reads as whoever a name and password prove; undefined when they prove nobody. */
  async readAs(name: string, password: string, method: string, id: number): Promise<string | undefined> {
    return await this.#unlessRefused(() => this.#call(`${name}:${password}`, "reads", method, [id]));
  }

  /** Reads as the user of a name, with all groups; undefined when the core lets nobody of that name in. */
  async readNamed(name: string, method: string, id: number): Promise<string | undefined> {
    const read = await this.#unlessRefused(() =>
      this.#call(this.#sessions.named(name), "reads", method, [id]),
    );
    // Else every name would be unknown while the house's own session is not taken.
    if (read === undefined) await this.read(SYSTEM, "one.user.info", -1);
    return read;
  }

  close(): void {
    this.#transport.close();
  }

  async #unlessRefused(work: () => Promise<CoreValue>): Promise<string | undefined> {
    try {
      return String(await work());
    } catch (error) {
      if (error instanceof NotAuthenticated) return undefined;
      throw error;
    }
  }

  async #asActor(
    actor: Actor,
    effect: Effect,
    method: string,
    values: readonly RpcValue[],
  ): Promise<CoreValue> {
    try {
      return await this.#call(this.#sessions.for(actor), effect, method, values);
    } catch (error) {
      throw this.#toldTo(actor, error);
    }
  }

  /** A session of the house's own that is not taken says nothing of any user. */
  #toldTo(actor: Actor, error: unknown): unknown {
    if (!(error instanceof NotAuthenticated) || actor.uid !== SYSTEM.uid) return error;
    return new GatehouseError(
      "unavailable",
      `OpenNebula's core does not take this house's session: see ${this.#proof}.`,
      { cause: error },
    );
  }

  async #call(
    session: string,
    effect: Effect,
    method: string,
    values: readonly RpcValue[],
  ): Promise<CoreValue> {
    return valueIn(await this.#exchanged(session, effect, method, values), method, effect);
  }

  async #exchanged(
    session: string,
    effect: Effect,
    method: string,
    values: readonly RpcValue[],
    maxBytes?: number,
  ): Promise<Buffer> {
    const body = encodeCall(method, [session, ...values]);
    return await this.#bounded.run(() => this.#exchange(method, body, effect, maxBytes));
  }

  async #exchange(method: string, body: string, effect: Effect, maxBytes?: number): Promise<Buffer> {
    if (!this.#breaker.mayCall())
      throw new GatehouseError(
        "unavailable",
        "OpenNebula's core does not answer; it is asked again in a moment.",
      );
    try {
      const answer = await this.#answer(method, body, effect, maxBytes);
      if (this.#breaker.answered()) this.log.info({}, "OpenNebula's core answers again");
      return answer;
    } catch (error) {
      // It does answer.
      if (error instanceof AnswerTooLarge) this.#breaker.answered();
      else if (this.#breaker.failed())
        this.log.error({ err: error }, "OpenNebula's core does not answer; calls fail until it does");
      throw error;
    }
  }

  async #answer(method: string, body: string, effect: Effect, maxBytes?: number): Promise<Buffer> {
    try {
      return await this.#transport.post(body, { fresh: effect === "writes", maxBytes });
    } catch (error) {
      if (error instanceof TooMuch && effect === "reads")
        throw new AnswerTooLarge(`OpenNebula's core did not answer ${method} as agreed: ${error.message}.`, {
          cause: error,
        });
      throw noAnswer(method, effect, error, !(error instanceof NoAnswer) || error.sent);
    }
  }
}

/** The tree of what a call that reads gave. @throws GatehouseError `unavailable` for what is no XML. */
export function treeIn(xml: string, method: string): XmlNode {
  try {
    return xmlToTree(xml).node;
  } catch (error) {
    throw noAnswer(method, "reads", error, true);
  }
}

function noAnswer(method: string, effect: Effect, cause: unknown, sent: boolean): GatehouseError {
  const reason = errorText(cause).replace(/\.$/, "");
  if (effect === "reads" || !sent)
    return new GatehouseError("unavailable", `OpenNebula's core did not answer ${method}: ${reason}.`, {
      cause,
    });
  return new UnknownOutcome(
    `${method} was sent to OpenNebula's core, and whether it was done is unknown: ${reason}.`,
    { cause },
  );
}

/** @throws GatehouseError as the core refuses, or `unavailable` for what is no answer. */
function valueIn(body: Buffer, method: string, effect: Effect): CoreValue {
  const answer = decoded(body.toString("utf8"), method, effect);
  if (answer.kind === "success") return answer.value;
  if (answer.kind === "failure") throw refusal(answer.message, answer.code);
  throw new GatehouseError("internal", `OpenNebula's core cannot do ${method}: ${answer.message}.`);
}

/** What is no answer of a core may stand for anything: a proxy before it, or half of what it sent. */
function decoded(text: string, method: string, effect: Effect): RpcAnswer {
  try {
    return decodeAnswer(text);
  } catch (error) {
    throw noAnswer(method, effect, error, true);
  }
}
