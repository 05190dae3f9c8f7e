/** HOST documents of oned, one or a pool of them, read in slices between which the daemon hears its agents. */

import { setImmediate } from "node:timers/promises";
import { SaxesParser } from "saxes";
import { GatehouseError } from "../../../shared/errors.ts";
import { MAX_OBJECT_ID } from "../../../shared/monitor/limits.ts";
import type { Template } from "../../../shared/template/types.ts";
import { legalText } from "../../../shared/xml/print.ts";
import { MAX_XML_DEPTH } from "../../../shared/xml/tree.ts";
import type { Host } from "../../cloud/model.ts";
import { TemplateElement } from "./template-element.ts";

/** What is read of a host's own elements, beside its TEMPLATE; the rest of the document is passed over. */
const FIELDS = ["ID", "NAME", "STATE", "PREV_STATE", "IM_MAD", "VM_MAD", "CLUSTER_ID", "CLUSTER"] as const;

type Field = (typeof FIELDS)[number];

/** Names, and ids as text. */
const MAX_FIELD_CHARACTERS = 1_024;

const SLICE_CHARACTERS = 256 * 1024;

/**
 * The hosts of `<HOST_POOL><HOST>...` or `<HOST>...`; one without an id is left out.
 * @throws GatehouseError `bad_request` for what is no such document.
 */
export async function readHosts(xml: string): Promise<readonly Host[]> {
  const reader = new HostReader();
  for (let from = 0, end = 0; from < xml.length; from = end) {
    if (from > 0) await setImmediate();
    end = from + SLICE_CHARACTERS;
    // Not between the halves of a pair.
    if (/[\ud800-\udbff]/.test(xml.charAt(end - 1))) end += 1;
    reader.write(xml.slice(from, end));
  }
  return reader.end();
}

/**
 * The host that STOP_MONITOR is about: its document, or a TEMPLATE of NAME and IM_MAD when it is deleted already.
 * @throws GatehouseError `bad_request`
 */
export function readStoppedHost(hostId: number, xml: string): Host | undefined {
  const reader = new HostReader("TEMPLATE");
  reader.write(xml);
  const [host] = reader.end();
  return host ?? hostOf({ ...reader.nameless, ID: String(hostId) });
}

type Fields = Partial<Record<Field, string>>;

class HostReader {
  readonly #parser = new SaxesParser({ defaultXMLVersion: "1.0", forceXMLVersion: true });
  readonly #hosts: Host[] = [];
  readonly #alternative: string | undefined;
  readonly #path: string[] = [];
  #fields: Fields = {};
  #template = new TemplateElement();
  /** The last one without an id. */
  nameless: Fields = {};

  /** @param alternative another name that a host's element may have. */
  constructor(alternative?: string) {
    this.#alternative = alternative;
    this.#parser.on("doctype", () => {
      throw new GatehouseError(
        "bad_request",
        "A document of hosts has a DOCTYPE; only plain elements are allowed.",
      );
    });
    this.#parser.on("error", (error) => {
      throw new GatehouseError(
        "bad_request",
        `A document of hosts is malformed: ${error.message.slice(0, 200)}.`,
      );
    });
    this.#parser.on("opentagstart", ({ name }) => this.#open(name));
    this.#parser.on("text", (text) => this.#text(text));
    this.#parser.on("cdata", (text) => this.#text(text));
    this.#parser.on("closetag", () => this.#close());
  }

  /** oned prints what a host once told, control characters included: one such host must not hide the others. */
  write(piece: string): void {
    this.#parser.write(legalText(piece));
  }

  end(): readonly Host[] {
    this.#parser.close();
    return this.#hosts;
  }

  #open(name: string): void {
    this.#path.push(name);
    if (this.#path.length > MAX_XML_DEPTH)
      throw new GatehouseError("bad_request", `A document of hosts is deeper than ${MAX_XML_DEPTH} levels.`);
    if (this.#isHost(name)) {
      this.#fields = {};
      this.#template = new TemplateElement();
    } else if (this.#templateDepth() > 0) this.#template.open(this.#templateDepth());
  }

  #text(text: string): void {
    if (this.#templateDepth() > 0) this.#template.text(text);
    const name = FIELDS.find((field) => field === this.#path.at(-1));
    if (name === undefined || this.#path.length !== this.#hostDepth() + 1) return;
    this.#fields[name] = ((this.#fields[name] ?? "") + text).slice(0, MAX_FIELD_CHARACTERS);
  }

  #close(): void {
    const name = this.#path.at(-1) ?? "";
    if (this.#isHost(name)) {
      const host = hostOf(this.#fields, this.#template.template());
      if (host !== undefined) this.#hosts.push(host);
      else this.nameless = this.#fields;
    } else if (this.#templateDepth() > 0) this.#template.close(this.#templateDepth(), name);
    this.#path.pop();
  }

  /** HOST elements inside a host's own TEMPLATE are none. */
  #isHost(name: string): boolean {
    return this.#path.length === this.#hostDepth() && (name === "HOST" || name === this.#alternative);
  }

  /** How far below a host's own TEMPLATE this is; below 1: it is not. */
  #templateDepth(): number {
    const depth = this.#hostDepth();
    return this.#path[depth] === "TEMPLATE" ? this.#path.length - depth - 1 : 0;
  }

  #hostDepth(): number {
    return this.#path[0] === "HOST_POOL" ? 2 : 1;
  }
}

function hostOf(fields: Fields, template: Template = {}): Host | undefined {
  const id = whole(fields.ID);
  if (id === undefined) return undefined;
  return {
    id,
    version: 0,
    name: fields.NAME ?? "",
    state: whole(fields.STATE) ?? 0,
    prevState: whole(fields.PREV_STATE) ?? 0,
    imMad: fields.IM_MAD ?? "",
    vmMad: fields.VM_MAD ?? "",
    clusterId: whole(fields.CLUSTER_ID) ?? -1,
    cluster: fields.CLUSTER ?? "",
    template,
  };
}

function whole(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text.trim())) return undefined;
  const number = Number(text);
  return number <= MAX_OBJECT_ID ? number : undefined;
}
