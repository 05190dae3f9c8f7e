import fc from "fast-check";
import { expect, it } from "vitest";
import { stringOf } from "../../shared/template/types.ts";
import { classicToken } from "../../shared/tokens/classic.ts";
import { ALICE } from "../support/fake-cloud.ts";
import { openTrustedGate, type TrustedGate } from "../support/trusted-gate.ts";

type Step =
  | { readonly kind: "trade"; readonly lifetimeS: number; readonly password: number }
  | { readonly kind: "rotate"; readonly graceMs: number }
  | { readonly kind: "revoke"; readonly classic: boolean }
  | { readonly kind: "allow" }
  | { readonly kind: "advance"; readonly ms: number }
  | { readonly kind: "jump"; readonly ms: number }
  | { readonly kind: "restart" };

/** When something is over, as a reader of the rules would say it. */
class End {
  readonly #atMs: number;
  readonly #atElapsedMs: number;
  #over = false;

  constructor(gate: TrustedGate, lifeMs: number) {
    this.#atMs = gate.clock.now() + lifeMs;
    this.#atElapsedMs = gate.clock.elapsed() + lifeMs;
  }

  isOver({ clock }: TrustedGate): boolean {
    this.#over ||= clock.now() >= this.#atMs || clock.elapsed() >= this.#atElapsedMs;
    return this.#over;
  }
}

/** What should pass: VM 7's tokens under each password that there ever was, and every session token ever made. */
class Model {
  gate: TrustedGate;
  /** In order; the last is the current one. `end`: of its grace, undefined while it needs none. */
  readonly passwords: { readonly text: string; end: End | undefined }[];
  readonly sessions: {
    readonly token: string;
    readonly end: End;
    readonly generation: number;
    readonly password: number;
  }[] = [];
  #generation = 0;
  #classicRefused = false;

  constructor(gate: TrustedGate) {
    this.gate = gate;
    this.passwords = [{ text: this.#current(), end: undefined }];
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "trade":
        return await this.#trade(step.lifetimeS, step.password % this.passwords.length);
      case "rotate":
        return await this.#rotate(step.graceMs);
      case "revoke":
        await this.gate.commands.revoke(7, step.classic);
        this.#generation += 1;
        this.#classicRefused ||= step.classic;
        return;
      case "allow":
        await this.gate.commands.allow(7);
        this.#classicRefused = false;
        return;
      case "advance":
        return this.gate.clock.advance(step.ms);
      case "jump":
        return this.gate.clock.jump(step.ms);
      case "restart": {
        const { fake, store, clock } = this.gate;
        this.gate = await openTrustedGate({ fake, store, clock });
      }
    }
  }

  async #trade(lifetimeS: number, password: number): Promise<void> {
    const headers = { "X-ONEGATE-TOKEN": this.#classic(password), "X-ONEGATE-VMID": "7" };
    const body = JSON.stringify({ lifetime_seconds: lifetimeS });
    const answer = await this.gate.ask("/token", { method: "POST", headers, body });
    expect(answer.status).toBe(this.#classicCounts(password) ? 200 : 401);
    if (answer.status !== 200) return;
    const { token } = JSON.parse(answer.body);
    const end = new End(this.gate, lifetimeS * 1_000);
    this.sessions.push({ token, end, generation: this.#generation, password });
  }

  async #rotate(graceMs: number): Promise<void> {
    await this.gate.commands.rotate("alice", graceMs);
    const old = this.passwords.at(-1);
    if (old !== undefined) old.end = new End(this.gate, graceMs);
    // No grace: at once, and for all before.
    if (graceMs === 0) for (const password of this.passwords) password.end = new End(this.gate, 0);
    this.passwords.push({ text: this.#current(), end: undefined });
  }

  /** Every token is shown, and passes exactly when it should. */
  async check(): Promise<void> {
    for (const index of this.passwords.keys()) {
      const answer = await this.gate.askWith(this.#classic(index), "/vm", {
        headers: { "X-ONEGATE-VMID": "7" },
      });
      expect(answer.status, `password ${index}`).toBe(this.#classicCounts(index) ? 200 : 401);
    }
    for (const [index, { token, end, generation, password }] of this.sessions.entries()) {
      const should =
        !end.isOver(this.gate) && generation === this.#generation && this.#passwordCounts(password);
      expect((await this.gate.askWith(token)).status, `session ${index}`).toBe(should ? 200 : 401);
    }
  }

  #passwordCounts(index: number): boolean {
    const end = this.passwords[index]?.end;
    return end === undefined || !end.isOver(this.gate);
  }

  #classicCounts(index: number): boolean {
    return this.#passwordCounts(index) && !this.#classicRefused;
  }

  #classic(index: number): string {
    const { stime } = this.gate.fake.vm(7);
    return classicToken({ vmId: 7, stime, tokenPassword: this.passwords[index]?.text ?? "" });
  }

  #current(): string {
    return stringOf(this.gate.fake.users.get(ALICE.uid)?.template ?? {}, "TOKEN_PASSWORD") ?? "";
  }
}

const commands: fc.Arbitrary<Step>[] = [
  fc.record({
    kind: fc.constant("trade" as const),
    lifetimeS: fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 21_600 })),
    password: fc.nat(20),
  }),
  fc.record({
    kind: fc.constant("rotate" as const),
    graceMs: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 200_000_000 }),
    ),
  }),
  fc.record({ kind: fc.constant("revoke" as const), classic: fc.boolean() }),
  fc.record({ kind: fc.constant("allow" as const) }),
];

const advance: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("advance" as const),
  // Up to a day and a half: keys change on the way.
  ms: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 130_000_000 })),
});

const jump: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant("jump" as const),
  ms: fc.integer({ min: -100_000_000, max: 100_000_000 }),
});

const restart: fc.Arbitrary<Step> = fc.constant({ kind: "restart" });

async function holds(steps: readonly Step[]): Promise<void> {
  const model = new Model(await openTrustedGate());
  for (const step of steps) {
    await model.take(step);
    await model.check();
  }
}

it("a token passes exactly while it should, over any lives, rotations, revocations and restarts", async () => {
  const steps = fc.array(fc.oneof(...commands, advance, restart), { minLength: 3, maxLength: 14 });
  await fc.assert(fc.asyncProperty(steps, holds), { numRuns: 80 });
});

it("and over a clock that is set forward and back, while the house runs", async () => {
  const steps = fc.array(fc.oneof(...commands, advance, { weight: 3, arbitrary: jump }), {
    minLength: 3,
    maxLength: 14,
  });
  await fc.assert(fc.asyncProperty(steps, holds), { numRuns: 80 });
});
