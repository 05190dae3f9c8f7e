import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requireWhole } from "../../gateway/cloud/embedded/drivers/qcow2-end.ts";
import { GatehouseError } from "../../shared/errors.ts";

const CLUSTER_BITS = 12;
const CLUSTER = 2 ** CLUSTER_BITS;

let root: string;
let image: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qcow2-end-"));
  image = join(root, "image");
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Header, table of counts, one block of counts, and what else is used. */
function qcow2(clusters: number, { version = 3, order = 4 } = {}): Buffer {
  const bytes = Buffer.alloc(clusters * CLUSTER);
  bytes.writeUInt32BE(0x514649fb, 0);
  bytes.writeUInt32BE(version, 4);
  bytes.writeUInt32BE(CLUSTER_BITS, 20);
  bytes.writeBigUInt64BE(BigInt(CLUSTER), 48);
  bytes.writeUInt32BE(1, 56);
  if (version === 3) bytes.writeUInt32BE(order, 96);
  bytes.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  const bits = 2 ** order;
  for (let cluster = 0; cluster < clusters; cluster += 1) {
    const bit = cluster * bits;
    const at = 2 * CLUSTER + Math.floor((bit + (bits >= 8 ? bits - 1 : 0)) / 8);
    bytes[at] = (bytes[at] ?? 0) | (bits >= 8 ? 1 : 1 << (bit % 8));
  }
  return bytes;
}

async function check(bytes: Uint8Array): Promise<void> {
  writeFileSync(image, bytes);
  await requireWhole("DISK 0", image);
}

const CUT = "DISK 0 is a qcow2 image whose end is missing";

describe("a qcow2 image", () => {
  it.each([{ version: 2 }, { version: 3, order: 4 }, { version: 3, order: 3 }, { version: 3, order: 6 }])(
    "is whole up to its last cluster in use, and not without it: %o",
    async (form) => {
      await check(qcow2(50, form));
      truncateSync(image, 49 * CLUSTER + 1);
      await requireWhole("DISK 0", image);
      for (const length of [49 * CLUSTER, 20 * CLUSTER, 2 * CLUSTER, CLUSTER, 104]) {
        truncateSync(image, length);
        await expect(requireWhole("DISK 0", image)).rejects.toThrow(CUT);
      }
    },
  );

  it("with several counts in a byte is not refused for the clusters that share one with the last", async () => {
    await check(qcow2(50, { version: 3, order: 0 }));
    truncateSync(image, 40 * CLUSTER);
    await expect(requireWhole("DISK 0", image)).rejects.toThrow(CUT);
  });

  it("gets a sentence, whatever its bytes are", async () => {
    const damages = fc.array(fc.tuple(fc.nat({ max: 2 * CLUSTER + 16 }), fc.nat({ max: 255 })), {
      maxLength: 8,
    });
    const property = fc.asyncProperty(damages, fc.nat({ max: 4 * CLUSTER }), async (damage, length) => {
      const bytes = qcow2(4);
      for (const [at, byte] of damage) bytes[at] = byte;
      const answer = await check(bytes.subarray(0, length)).catch((error: unknown) => error);
      expect(answer === undefined || answer instanceof GatehouseError).toBe(true);
    });
    await fc.assert(property, { numRuns: 300 });
  });
});
