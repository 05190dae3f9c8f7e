/**
 * `kill -9` under load: guests PUT numbered values through real sockets, the house dies at a random moment, and after
 * a restart every acknowledged write is there, and none is half there.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import {
  gatehouse,
  type HouseProcess,
  RAISED_LIMITS,
  scratchDirectory,
  startHouse,
  stopHouse,
} from "../support/house.ts";
import { seededRandom } from "../support/random.ts";
import { makeWorld } from "../support/world-maker.ts";

const VMS = 8;
/** The moment of death: after so many acknowledgements at the most. */
const MAX_ACKNOWLEDGED = 400;

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

interface Guest {
  readonly headers: Readonly<Record<string, string>>;
  /** The last number the house acknowledged, and the last one sent. */
  acknowledged: number;
  sent: number;
}

/** @throws AssertionError when an acknowledged write is lost or a write is half there. */
export async function killRounds(options: KillOptions): Promise<{ rounds: number; acknowledged: number }> {
  const scratch = scratchDirectory("kill");
  try {
    const home = path.join(scratch.path, "home");
    const world = path.join(scratch.path, "world.json");
    writeFileSync(world, JSON.stringify(makeWorld({ vms: VMS, perRole: 2 })));
    await gatehouse(["import", world, "--home", home]);
    const guests: Guest[] = [];
    // One after another: each command takes the home for itself.
    for (let id = 0; id < VMS; id += 1) guests.push(await guestOf(home, id));
    const random = seededRandom(options.seed);
    let house = await startHouse(home, ["--dummy"], RAISED_LIMITS);
    for (let round = 1; round <= options.rounds; round += 1) {
      await writeUntilKilled(house, guests, 1 + random.integer(MAX_ACKNOWLEDGED));
      house = await startHouse(home, ["--dummy"], RAISED_LIMITS);
      for (const guest of guests) await check(house, guest);
      if (round % 10 === 0) options.log(`${round} of ${options.rounds} rounds`);
    }
    await stopHouse(house);
    return {
      rounds: options.rounds,
      acknowledged: guests.reduce((sum, guest) => sum + guest.acknowledged, 0),
    };
  } finally {
    scratch.remove();
  }
}

async function guestOf(home: string, id: number): Promise<Guest> {
  const token = (await gatehouse(["token", String(id), "--home", home])).trim();
  return { headers: { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(id) }, acknowledged: 0, sent: 0 };
}

/** All guests write side by side; the house is killed in the midst of it, after `limit` acknowledgements. */
async function writeUntilKilled(house: HouseProcess, guests: readonly Guest[], limit: number): Promise<void> {
  let total = 0;
  const ended = new Promise((resolve) => house.child.once("exit", resolve));
  const write = async (guest: Guest) => {
    while (total < limit) {
      guest.sent += 1;
      const number = guest.sent;
      // Three attributes of one request: they must never be seen apart.
      const body = `FIRST = ${number}\nSECOND = ${number}\nTHIRD = ${number}`;
      const answer = await fetch(`${house.onegate}/vm`, {
        method: "PUT",
        headers: guest.headers,
        body,
      }).catch(() => undefined);
      if (answer === undefined) return;
      assert.equal(answer.status, 200);
      guest.acknowledged = number;
      total += 1;
      if (total === limit) house.child.kill("SIGKILL");
    }
  };
  await Promise.all(guests.map(write));
  await ended;
}

async function check(house: HouseProcess, guest: Guest): Promise<void> {
  const answer = await fetch(`${house.onegate}/vm`, { headers: guest.headers });
  assert.equal(answer.status, 200);
  const { VM }: { VM: { USER_TEMPLATE: Record<string, string> } } = JSON.parse(await answer.text());
  const { FIRST = "0", SECOND = "0", THIRD = "0" } = VM.USER_TEMPLATE;
  assert.deepEqual([SECOND, THIRD], [FIRST, FIRST], "a write is half there");
  assert.ok(
    Number(FIRST) >= guest.acknowledged,
    `write ${guest.acknowledged} was acknowledged, ${FIRST} is there`,
  );
  assert.ok(Number(FIRST) <= guest.sent, `${FIRST} was never sent`);
}
