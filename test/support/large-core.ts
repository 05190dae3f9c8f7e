/**
 * A core with as many VMs as one likes: it has one recorded VM, and writes it under every id. It answers what a house
 * reads, as oned does: pools newest first, by ranges of ids and by pages.
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { failure, recordedBody, success } from "./scripted-core.ts";

/** A VM's LOAD becomes another; and whether oned's hook manager tells of it. */
export interface Change {
  readonly id: number;
  readonly isPublished: boolean;
}

export interface LargeCore {
  readonly endpoint: string;
  /** Ids of the VMs that there are, in order. */
  ids(): readonly number[];
  /** `[method, ...values]` without the session. */
  readonly calls: readonly (readonly string[])[];
  /** Writes another value of LOAD into a VM's user template. */
  touch(id: number, load?: number): void;
  add(id: number): void;
  end(id: number): void;
  /** Cuts the connection of the next calls that it is true of. */
  cutNext(isIt: (call: readonly string[]) => boolean, times: number): void;
  /** That one VM has so many bytes more. */
  grow(id: number, bytes: number): void;
  /** A guest's own value, which oned writes into a CDATA section as it is, whatever it holds. */
  write(id: number, value: string): void;
  close(): Promise<void>;
}

const OWNER = { id: 2, name: "alice" };
const ACTIVE = 3;
const DONE = 6;

/** `[true, text, 0]`, from text that is escaped already. */
const [HEAD = "", TAIL = ""] = success("@").split("@");

/** What every VM says, escaped, in pieces: its id stands between them. */
interface VmPieces {
  readonly pieces: readonly string[];
  readonly short: (id: number) => string;
}

/** `isSmall`: VMs without what their templates and history say, for tests that are about how many they are. */
export async function startLargeCore(vmIds: Iterable<number>, { isSmall = false } = {}): Promise<LargeCore> {
  const loads = new Map([...vmIds].sort((left, right) => left - right).map((id) => [id, 0]));
  const ended = new Map<number, number>();
  const grown = new Map<number, string>();
  const calls: (readonly string[])[] = [];
  const vm = recordedVm(isSmall);
  const made = new Map<number, string>();
  let cuts = 0;
  let isCut: ((call: readonly string[]) => boolean) | undefined;

  const written = (id: number, state: number) => {
    const load = `${loads.get(id) ?? ended.get(id)}${grown.get(id) ?? ""}`;
    return vm.pieces
      .join(String(id))
      .replace("@LOAD@", () => load)
      .replace("@STATE@", String(state));
  };
  const text = (id: number, state: number) => {
    const known = made.get(id) ?? written(id, state);
    made.set(id, known);
    return known;
  };
  const inRange = (start: number, end: number) => {
    const newestFirst = [...loads.keys()].reverse();
    if (end < -1) return newestFirst.slice(start, start - end);
    return start < 0 ? newestFirst : newestFirst.filter((id) => id >= start && (end === -1 || id <= end));
  };
  const pool = (name: string, elements: readonly string[]) =>
    `${HEAD}&lt;${name}&gt;${elements.join("")}&lt;/${name}&gt;${TAIL}`;
  const infoOf = (id: number) => {
    if (loads.has(id)) return `${HEAD}${text(id, ACTIVE)}${TAIL}`;
    if (ended.has(id)) return `${HEAD}${text(id, DONE)}${TAIL}`;
    return failure("one.vm.info", `Error getting virtual machine [${id}].`, 1024);
  };
  const answers: Readonly<Record<string, (values: readonly number[], texts: readonly string[]) => string>> = {
    "one.vmpool.infoextended": ([, start = -1, end = -1]) =>
      pool(
        "VM_POOL",
        inRange(start, end).map((id) => text(id, ACTIVE)),
      ),
    "one.vmpool.info": ([, start = -1, end = -1]) => pool("VM_POOL", inRange(start, end).map(vm.short)),
    "one.vmpool.infoset": (_, [list = ""]) => {
      const ids = list.split(",").map(Number);
      return pool(
        "VM_POOL",
        ids.filter((id) => loads.has(id)).map((id) => text(id, ACTIVE)),
      );
    },
    "one.vm.info": ([id = -1]) => infoOf(id),
    "one.user.info": () =>
      success(`<USER><ID>${OWNER.id}</ID><GID>1</GID><GROUPS><ID>1</ID></GROUPS><NAME>${OWNER.name}</NAME>
        <ENABLED>1</ENABLED><TEMPLATE><TOKEN_PASSWORD>secret</TOKEN_PASSWORD></TEMPLATE></USER>`),
    "one.vmpool.monitoring": () =>
      pool(
        "MONITORING_DATA",
        [...loads.keys()].map((id) => readingText(id, grown.get(id))),
      ),
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const method = /<methodName>([^<]*)/.exec(body)?.[1] ?? "";
      const [, ...values] = [...body.matchAll(/<(?:i4|boolean|string)>([^<]*)</g)].map(
        ([, text = ""]) => text,
      );
      const call = [method, ...values];
      calls.push(call);
      if (cuts > 0 && isCut?.(call)) {
        cuts -= 1;
        return void request.socket.destroy();
      }
      response.setHeader("content-type", "text/xml; charset=utf-8");
      response.end(answers[method]?.(values.map(Number), values) ?? pool("POOL", []));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}/RPC2`,
    ids: () => [...loads.keys()],
    calls,
    touch(id, load = (loads.get(id) ?? 0) + 1) {
      loads.set(id, load);
      made.delete(id);
    },
    add: (id) => loads.set(id, 0),
    end(id) {
      ended.set(id, loads.get(id) ?? 0);
      loads.delete(id);
      made.delete(id);
    },
    cutNext(isIt, times) {
      isCut = isIt;
      cuts = times;
    },
    grow(id, bytes) {
      grown.set(id, "x".repeat(bytes));
      made.delete(id);
    },
    write(id, value) {
      grown.set(id, escaped(value));
      made.delete(id);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** As text of XML-RPC. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The one of middle size among those that were recorded. */
function recordedVm(isSmall: boolean): VmPieces {
  const all = recordedBody("vmpool-infoextended").match(/&lt;VM&gt;.*?&lt;\/VM&gt;/gs) ?? [];
  const whole = all.toSorted((left, right) => left.length - right.length)[Math.floor(all.length / 2)] ?? "";
  const written = whole
    .replace(/(?<=&lt;VM&gt;&lt;ID&gt;)\d+/, "@ID@")
    .replace(/(?<=&lt;STATE&gt;)\d+/, "@STATE@")
    .replace(/(?<=&lt;NAME&gt;)[^&]*/, "vm-@ID@")
    .replace(/(?<=&lt;USER_TEMPLATE&gt;)/, "&lt;LOAD&gt;&lt;![CDATA[@LOAD@]]&gt;&lt;/LOAD&gt;");
  return {
    pieces: (isSmall ? withoutDetails(written) : written).split("@ID@"),
    short: (vmId) => `&lt;VM&gt;&lt;ID&gt;${vmId}&lt;/ID&gt;&lt;/VM&gt;`,
  };
}

function withoutDetails(written: string): string {
  return written
    .replace(
      /&lt;TEMPLATE&gt;.*&lt;\/TEMPLATE&gt;/s,
      "&lt;TEMPLATE&gt;&lt;CREATED_BY&gt;2&lt;/CREATED_BY&gt;&lt;/TEMPLATE&gt;",
    )
    .replace(/&lt;HISTORY_RECORDS&gt;.*&lt;\/HISTORY_RECORDS&gt;/s, "&lt;HISTORY_RECORDS/&gt;");
}

function readingText(id: number, more = ""): string {
  const metrics = [
    "CPU",
    "DISKRDBYTES",
    "DISKRDIOPS",
    "DISKWRBYTES",
    "DISKWRIOPS",
    "MEMORY",
    "NETRX",
    "NETTX",
  ];
  const inner = metrics
    .map((name) => `&lt;${name}&gt;&lt;![CDATA[${id}${more}]]&gt;&lt;/${name}&gt;`)
    .join("");
  return `&lt;MONITORING&gt;${inner}&lt;ID&gt;${id}&lt;/ID&gt;&lt;TIMESTAMP&gt;1795170161&lt;/TIMESTAMP&gt;&lt;/MONITORING&gt;`;
}
