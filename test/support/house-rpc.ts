/** Calls a house's XML-RPC as its oneadmin. */

import { readFileSync } from "node:fs";
import path from "node:path";
import type { HouseProcess } from "./house.ts";
import { callText, type Parameter, readAnswer } from "./xmlrpc.ts";

/** The value of a call that must succeed. @throws Error with the answer. */
export async function callHouse(
  house: Pick<HouseProcess, "rpc">,
  home: string,
  method: string,
  ...parameters: readonly Parameter[]
): Promise<string> {
  const session = readFileSync(path.join(home, "one_auth"), "utf8").trim();
  const response = await fetch(`${house.rpc}/RPC2`, {
    method: "POST",
    headers: { "Content-Type": "text/xml; charset=utf-8" },
    body: callText(method, [session, ...parameters]),
  });
  const answer = readAnswer(await response.text());
  if ("values" in answer && answer.values[0]?.[1] === "1") return answer.values[1]?.[1] ?? "";
  throw new Error(`${method} failed: ${JSON.stringify(answer)}`);
}
