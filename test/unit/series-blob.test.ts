import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "../../gateway/store/series/bytes.ts";
import { readAll, readOne, writeColumn } from "../../gateway/store/series/column.ts";
import { BlobReader } from "../../gateway/store/series/group.ts";
import { keyOf, RAW_KEYS, rangesOf, timeOf, WINDOW_KEYS } from "../../gateway/store/series/keys.ts";
import { readPoint, writeReadings } from "../../gateway/store/series/raw-blob.ts";
import { type RawBlob, readWindow, writeWindow } from "../../gateway/store/series/window-blob.ts";
import type { MetricValue, VmReading } from "../../shared/monitor/readings.ts";
import { anyText } from "../support/monitor-arbitrary.ts";
import { reading } from "../support/series.ts";

const number = fc.oneof(
  fc.integer({ min: -5, max: 300 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.integer({ min: 0, max: 100_000 }).map((hundredths) => hundredths / 100),
  fc.double({ noNaN: true }),
);
const value: fc.Arbitrary<MetricValue> = fc.oneof({ weight: 5, arbitrary: number }, anyText);
const name = fc.oneof(fc.constantFrom("CPU", "NETRX", "GUEST_IP"), fc.stringMatching(/^[A-Z_]{1,9}$/));
const more = fc.dictionary(fc.stringMatching(/^[A-Z_]{1,9}$/), fc.constant({ ID: "0", SIZE: "24" }), {
  maxKeys: 2,
  noNullPrototype: true,
});

/** Readings as one message brings them: most share their names, each VM once. */
const readings: fc.Arbitrary<readonly VmReading[]> = fc
  .uniqueArray(fc.uniqueArray(name, { maxLength: 8 }), { minLength: 1, maxLength: 3, selector: String })
  .chain((kinds) =>
    fc.uniqueArray(
      fc.constantFrom(...kinds).chain((names) =>
        fc.record({
          id: fc.oneof(fc.nat(60), fc.nat(2 ** 31 - 1)),
          deployId: fc.constant(""),
          names: fc.constant(names),
          values: fc.array(value, { minLength: names.length, maxLength: names.length }),
          more,
        }),
      ),
      { maxLength: 30, selector: ({ id }) => id },
    ),
  );

function written(vms: readonly VmReading[]): Uint8Array {
  const writer = new ByteWriter(16);
  writeReadings(writer, vms);
  return writer.bytes();
}

describe("a column", () => {
  it("gives every value back, alone and with the others (law)", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 40 }), (values) => {
        const writer = new ByteWriter(8);
        writeColumn(writer, values.length, (row) => values[row] ?? 0);
        expect(readAll(new ByteReader(writer.bytes()), values.length)).toEqual(values);
        values.forEach((one, row) => {
          const reader = new ByteReader(writer.bytes());
          expect(Object.is(readOne(reader, values.length, row), one)).toBe(true);
          expect(reader.at).toBe(writer.length);
        });
      }),
    );
  });

  it.each<[string, readonly MetricValue[], number]>([
    ["the same number everywhere", Array(50).fill(123_456), 4],
    ["small differences", [1_000_000, 1_000_001, 1_000_255], 4 + 3],
    ["hundredths", [0.01, 99.99, 12.5], 2 + 6],
    ["no number of a known scale", [Math.PI, 2.5], 1 + 16],
    ["the same text everywhere", Array(50).fill("10.0.0.1"), 2 + 10],
  ])("of %s takes %#: %i bytes", (_, values, bytes) => {
    const writer = new ByteWriter();
    writeColumn(writer, values.length, (row) => values[row] ?? 0);
    expect(writer.length).toBe(bytes);
  });
});

describe("the blob of a report", () => {
  it("gives each VM's reading back, and of others nothing (law)", () => {
    const blobs = new BlobReader();
    fc.assert(
      fc.property(readings, fc.nat(70), (vms, stranger) => {
        const bytes = written(vms);
        for (const { id, names, values, more: vectors } of vms)
          expect(readPoint(blobs, bytes, id, 7)).toEqual({ at: 7, names, values, more: vectors });
        if (vms.every(({ id }) => id !== stranger))
          expect(readPoint(blobs, bytes, stranger, 7)).toBe(undefined);
      }),
    );
  });

  it("joins readings of one VM, the later over the earlier", () => {
    const first = { ...reading(4, 10), more: { A: "1" } };
    const second = { id: 4, deployId: "", names: ["CPU", "EXTRA"], values: [20, "x"], more: { B: "2" } };
    expect(readPoint(new BlobReader(), written([first, reading(5, 1), second]), 4, 9)).toEqual({
      at: 9,
      names: ["CPU", "MEMORY", "NETRX", "EXTRA"],
      values: [20, 1_010, 50, "x"],
      more: { A: "1", B: "2" },
    });
  });

  it("that is damaged gives nothing, whatever its bytes are (law)", () => {
    const bytes = written([reading(1, 10), reading(2, 20)]);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, byte, end) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = byte;
        readPoint(new BlobReader(), damaged.subarray(0, end), 2, 1);
      }),
    );
    expect(readPoint(new BlobReader(), bytes.subarray(0, 10), 2, 1)).toBe(undefined);
    expect(readPoint(new BlobReader(), new Uint8Array(), 2, 1)).toBe(undefined);
  });

  it("takes some 25 bytes a VM for eight metrics", () => {
    const names = [
      "CPU",
      "MEMORY",
      "NETRX",
      "NETTX",
      "DISKRDBYTES",
      "DISKWRBYTES",
      "DISKRDIOPS",
      "DISKWRIOPS",
    ];
    const vms = Array.from({ length: 20 }, (_, at) => ({
      ...reading(100 + at, 0),
      names,
      values: [at * 1.5, 400_000 + at, at * 1e6, at * 2e6, at * 3e7, at * 4e7, at * 1_000, at * 900],
    }));
    expect(written(vms).length / 20).toBeLessThan(26);
  });
});

describe("the blob of a window", () => {
  const windowOf = (raws: readonly RawBlob[]): Uint8Array => {
    const writer = new ByteWriter();
    writeWindow(writer, new BlobReader(), 600, raws);
    return writer.bytes();
  };

  it("counts, sums and bounds what the raw ones say (law)", () => {
    fc.assert(
      fc.property(
        fc.array(
          number.filter((one) => Math.abs(one) < 1e100),
          { minLength: 1, maxLength: 12 },
        ),
        fc.nat(100),
        (values, id) => {
          const raws = values.map((one, index) => ({
            at: 600 + index * 20,
            bytes: written([{ id, deployId: "", names: ["X", "NOTE"], values: [one, "text"], more: {} }]),
          }));
          const point = readWindow(new BlobReader(), windowOf(raws), id, 600);
          expect(point).toMatchObject({
            from: 600,
            at: raws.at(-1)?.at,
            names: ["X"],
            counts: [values.length],
          });
          // -0 and 0 are one number here: which of the two a bound keeps is of no account.
          const plain = (ones: readonly number[] | undefined) => ones?.map((one) => one + 0);
          expect(plain(point?.minima)).toEqual(plain([Math.min(...values)]));
          expect(plain(point?.maxima)).toEqual(plain([Math.max(...values)]));
          expect(plain(point?.lasts)).toEqual(plain(values.slice(-1)));
          const sum = values.reduce((total, one) => total + one, 0);
          expect(Math.abs((point?.sums[0] ?? 0) - sum)).toBeLessThanOrEqual(Math.abs(sum) * 1e-9 + 0.001);
        },
      ),
    );
  });

  it("holds VMs that came and went, each with its own count", () => {
    const raws = [
      { at: 600, bytes: written([reading(1, 10), reading(2, 20)]) },
      { at: 650, bytes: Buffer.from("damaged") },
      { at: 660, bytes: written([reading(2, 40)]) },
    ];
    const window = windowOf(raws);
    expect(readWindow(new BlobReader(), window, 1, 600)).toMatchObject({ at: 600, counts: [1, 1, 1] });
    expect(readWindow(new BlobReader(), window, 2, 600)).toMatchObject({
      at: 660,
      counts: [2, 2, 2],
      sums: [60, 2_060, 300],
    });
    expect(readWindow(new BlobReader(), window, 3, 600)).toBe(undefined);
  });
});

describe("keys", () => {
  it("order rows by slot, host and time, and tell the time (law)", () => {
    const at = fc.integer({ min: 0, max: 3_700_000_000 });
    fc.assert(
      fc.property(at, at, fc.nat(2 ** 24 - 1), (first, second, host) => {
        for (const layout of [RAW_KEYS, WINDOW_KEYS]) {
          const key = keyOf(layout, host, first);
          expect(timeOf(layout, key)).toBe(first - (first % layout.stepS));
          expect(key < 2n ** 63n).toBe(true);
          if (second - (second % layout.stepS) > first) expect(keyOf(layout, host, second) > key).toBe(true);
        }
      }),
    );
  });

  it("give a range a slot, whose ends take in all rows of the last second", () => {
    const ranges = rangesOf(RAW_KEYS, 7, 3_590, 7_200);
    expect(ranges.map(({ first, last }) => [timeOf(RAW_KEYS, first), timeOf(RAW_KEYS, last)])).toEqual([
      [3_590, 3_599],
      [3_600, 7_199],
      [7_200, 7_200],
    ]);
    expect(ranges.at(-1)?.last).toBe(keyOf(RAW_KEYS, 7, 7_200, 127));
  });
});
