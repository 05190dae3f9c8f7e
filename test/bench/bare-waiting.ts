/**
 * The baseline of those who wait: a node:http server that holds every GET, and answers all of them with the body given
 * on standard input when somebody asks POST /change. Prints its URL.
 */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

const body = await text(process.stdin);
const headers = {
  "Content-Type": "application/json;charset=utf-8",
  "X-Content-Type-Options": "nosniff",
  "Content-Length": Buffer.byteLength(body),
};
let held: ServerResponse[] = [];
const server = createServer((request, response) => {
  if (request.method === "GET") {
    held.push(response);
    return;
  }
  const all = held;
  held = [];
  for (const waiting of all) waiting.writeHead(200, headers).end(body);
  response.writeHead(204).end();
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
