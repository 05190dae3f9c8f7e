/** OneGate with a vault, under a clock that moves when told to: for tests of tokens. */

import { TokenCommands } from "../../gateway/onegate/trust/token-commands.ts";
import { openVault, type Vault } from "../../gateway/onegate/trust/vault.ts";
import { type MemoryStore, memoryStore } from "../../gateway/store/memory.ts";
import { FakeCloud } from "./fake-cloud.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";
import { type Answer, type Ask, type Gate, type GateParts, openGate } from "./onegate.ts";

export interface TrustedGate extends Gate {
  readonly fake: FakeCloud;
  readonly clock: ManualClock;
  readonly store: MemoryStore;
  readonly vault: Vault;
  readonly commands: TokenCommands;
  /** The answer to POST /token with the VM's classic token. */
  trade(vmId: number, wanted?: object, ask?: Ask): Promise<Answer>;
  /** A session token of the VM. */
  session(vmId: number, wanted?: object): Promise<string>;
  /** Asks with one token and nothing else. */
  askWith(token: string, path?: string, ask?: Ask): Promise<Answer>;
}

export interface TrustedGateParts extends GateParts {
  readonly fake?: FakeCloud;
  readonly clock?: ManualClock;
  readonly store?: MemoryStore;
}

export const ISSUER = "http://127.0.0.1:5030";

/** VMs 0 and 7 of alice, unless a cloud is given. */
export async function openTrustedGate(parts: TrustedGateParts = {}): Promise<TrustedGate> {
  const { clock = manualClock(), store = memoryStore(), fake = twoVms(), settings = {}, ...rest } = parts;
  const vault = await openVault(store, clock);
  const gate = openGate(fake, {
    clock,
    trust: { vault, url: () => ISSUER },
    // Attacks come by the hundred here, and what slows them down has tests of its own.
    settings: { limits: { enabled: false }, ...settings },
    ...rest,
  });
  const commands = new TokenCommands({ cloud: fake.cloud(), vault, clock });
  const trade: TrustedGate["trade"] = (vmId, wanted, ask = {}) =>
    gate.askAs(vmId, "/token", {
      method: "POST",
      ...(wanted === undefined ? {} : { body: JSON.stringify(wanted) }),
      ...ask,
    });
  const session: TrustedGate["session"] = async (vmId, wanted) => {
    const { status, body } = await trade(vmId, wanted);
    if (status !== 200) throw new Error(`no session token: ${status} ${body}`);
    return String(JSON.parse(body).token);
  };
  const askWith: TrustedGate["askWith"] = (token, path = "/vm", ask = {}) =>
    gate.ask(path, { ...ask, headers: { "X-ONEGATE-TOKEN": token, ...ask.headers } });
  return { ...gate, fake, clock, store, vault, commands, trade, session, askWith };
}

function twoVms(): FakeCloud {
  const fake = new FakeCloud();
  fake.addVm(0);
  fake.addVm(7);
  return fake;
}
