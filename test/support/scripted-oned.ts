/** oned's end of the pipe to its monitoring daemon, by hand: every line is the test's to send, and what comes back is read one by one. */

import type { Readable, Writable } from "node:stream";
import { deflateSync, inflateSync } from "node:zlib";

/** A line of the daemon. */
export interface HeardLine {
  readonly type: string;
  readonly status: string;
  readonly oid: number;
  readonly payload: string;
}

export interface OnedHost {
  readonly id: number;
  readonly name?: string;
  /** HostState; 0: INIT. */
  readonly state?: number;
  readonly imMad?: string;
}

export class ScriptedOned {
  readonly #toDaemon: Writable;
  readonly #fromDaemon: Readable;
  #text = "";
  readonly #lines: HeardLine[] = [];
  #wake: () => void = () => undefined;
  #ended = false;

  constructor(toDaemon: Writable, fromDaemon: Readable) {
    this.#toDaemon = toDaemon;
    this.#fromDaemon = fromDaemon;
    toDaemon.on("error", () => undefined);
    fromDaemon.on("data", (piece: Buffer) => {
      this.#text += piece.toString("latin1");
      const lines = this.#text.split("\n");
      this.#text = lines.pop() ?? "";
      this.#lines.push(...lines.map(heardLine));
      this.#wake();
    });
    fromDaemon.on("error", () => undefined);
    fromDaemon.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  write(text: string | Buffer): void {
    this.#toDaemon.write(text);
  }

  say(type: string, oid = -1, payload = ""): void {
    this.write(`${type} - ${oid} ${payload === "" ? "" : deflateSync(payload).toString("base64")}\n`);
  }

  /** What oned says at the start of a front-end that is alone, or leads. */
  async begin(hosts: readonly OnedHost[], status = "SOLO"): Promise<void> {
    this.write("INIT\n");
    await this.next("INIT");
    this.sayHosts(hosts);
    this.say("RAFT_STATUS", -1, status);
  }

  sayHosts(hosts: readonly OnedHost[]): void {
    this.say("HOST_LIST", -1, `<HOST_POOL>${hosts.map(hostXml).join("")}</HOST_POOL>`);
  }

  updateHost(host: OnedHost): void {
    this.say("UPDATE_HOST", host.id, hostXml(host));
  }

  /** The next line of a type; those of others that come before are left out. Fails when the daemon has ended. */
  async next(type: string, is: (line: HeardLine) => boolean = () => true): Promise<HeardLine> {
    for (;;) {
      const line = this.#lines.shift();
      if (line?.type === type && is(line)) return line;
      if (line !== undefined) continue;
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new Error("the daemon ended, and has told nothing more");
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Reads nothing until `readOn`. */
  stall(): void {
    this.#fromDaemon.pause();
  }

  readOn(): void {
    this.#fromDaemon.resume();
  }

  /** When the daemon has done all that was said before: it answers INIT whenever it comes. The lines before that stay. */
  async settled(): Promise<void> {
    this.write("INIT\n");
    const isAnswer = ({ type }: HeardLine) => type === "INIT";
    while (!this.#lines.some(isAnswer)) await this.#more();
    this.#lines.splice(this.#lines.findIndex(isAnswer), 1);
  }

  /** All that came and was not taken. */
  rest(): readonly HeardLine[] {
    return this.#lines.splice(0);
  }

  /** The pipe's end, as when oned stops or dies. */
  close(): void {
    this.#toDaemon.end();
  }
}

function heardLine(line: string): HeardLine {
  const [type = "", status = "", oid = "-1", body = ""] = line.split(" ");
  const payload = body === "" ? "" : inflateSync(Buffer.from(body, "base64")).toString("utf8");
  return { type, status, oid: Number(oid), payload };
}

/** As oned prints a host, its parts in other places than the daemon reads included. */
export function hostXml({ id, name = `host${id}`, state = 0, imMad = "kvm" }: OnedHost): string {
  return [
    `<HOST><ID>${id}</ID><NAME>${name}</NAME><STATE>${state}</STATE><PREV_STATE>${state}</PREV_STATE>`,
    `<IM_MAD><![CDATA[${imMad}]]></IM_MAD><VM_MAD><![CDATA[${imMad}]]></VM_MAD><CLUSTER_ID>0</CLUSTER_ID>`,
    "<CLUSTER>default</CLUSTER><HOST_SHARE><MEM_USAGE>0</MEM_USAGE><PCI_DEVICES/></HOST_SHARE><VMS><ID>7</ID></VMS>",
    "<TEMPLATE><NAME>not the host's</NAME><RESERVED_CPU><![CDATA[]]></RESERVED_CPU><PCI><A>1</A><B>&lt;</B></PCI><PCI><A><![CDATA[2]]></A></PCI></TEMPLATE><MONITORING/></HOST>",
  ].join("");
}
