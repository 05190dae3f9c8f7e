/** A server in OneGate's place that answers as told, in turn, and keeps what it was asked. */

import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A status with a body; "drop": the connection is cut; "half": amid the answer; "hang": nothing ever comes. */
export type Scripted = readonly [status: number, body: string] | "drop" | "half" | "hang";

export interface ScriptedGate {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** What to answer next; the last of it again and again. */
  script(...answers: readonly Scripted[]): void;
  /** Resolves when so many requests have come. */
  askedTimes(count: number): Promise<void>;
  close(): Promise<void>;
}

const JSON_TYPE = { "Content-Type": "application/json;charset=utf-8" };

export async function scriptedGate(): Promise<ScriptedGate> {
  const asked: Asked[] = [];
  let answers: Scripted[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      const { method, url, headers } = request;
      asked.push({ method, url, headers, body });
      server.emit("asked");
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === "drop" || answer === undefined) request.socket.destroy();
      else if (answer === "half") {
        response.writeHead(200, { "Content-Length": "100" });
        response.write('{"VM":', () => request.socket.destroy());
      } else if (answer !== "hang") response.writeHead(answer[0], JSON_TYPE).end(answer[1]);
    });
  });
  const { port } = await listening(server);
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    script(...next) {
      answers = [...next];
      asked.length = 0;
    },
    async askedTimes(count) {
      while (asked.length < count)
        await new Promise<void>((resolve) => server.once("asked", () => resolve()));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Listens on a free port of this machine. */
export function listening(server: Pick<Server, "listen" | "address">): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("no port"));
      else resolve(address);
    });
  });
}
