import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountText, periodText, printableCell, shortPeriodText } from "../../gateway/cli/one/format.ts";
import { type Column, cellsOf, renderCsv, renderTable, selectColumns } from "../../gateway/cli/one/table.ts";
import { filterCells, sortCells } from "../../gateway/cli/one/table-order.ts";
import { textAt } from "../../shared/xml/node.ts";

const text = (name: string) => (row: Parameters<Column["text"]>[0]) => textAt(row, name);
const COLUMNS: readonly Column[] = [
  { name: "ID", summary: "Id", size: 4, text: text("ID") },
  { name: "NAME", summary: "Name", size: 8, left: true, text: text("NAME") },
  { name: "IP", summary: "Address", size: 6, left: true, whole: true, text: text("IP") },
];
const ROWS = [
  { ID: "10", NAME: "a-rather-long-name", IP: "10.0.0.10" },
  { ID: "9", NAME: "b", IP: "" },
];
const CELLS = cellsOf(COLUMNS, ROWS, 0);

describe("a table", () => {
  it("cuts what is longer than its column, but never an address", () => {
    expect(renderTable(COLUMNS, CELLS)).toBe("  ID NAME     IP\n  10 a-rather 10.0.0.10\n   9 b\n");
  });

  it("gives the room of a wide terminal to what is cut, and no more than that", () => {
    expect(renderTable(COLUMNS, CELLS, { width: 200 })).toBe(
      "  ID NAME               IP\n  10 a-rather-long-name 10.0.0.10\n   9 b\n",
    );
  });

  it("fits a narrow terminal by squeezing names", () => {
    expect(renderTable(COLUMNS, CELLS, { width: 21, header: false })).toBe("  10 a-rath 10.0.0.10\n   9 b\n");
  });

  it("is never wider than the terminal where its columns can be squeezed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 120 }), fc.string({ maxLength: 200 }), (width, name) => {
        const rows = [{ ID: "1", NAME: name, IP: "1.2.3.4" }];
        const lines = renderTable(COLUMNS, cellsOf(COLUMNS, rows, 0), { width }).split("\n");
        expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(width);
      }),
    );
  });

  it("counts letters, not their halves", () => {
    const cells = cellsOf(COLUMNS, [{ ID: "1", NAME: "😀😀😀😀😀😀😀😀😀", IP: "x" }], 0);
    expect(renderTable(COLUMNS, cells, { header: false })).toBe("   1 😀😀😀😀😀😀😀😀 x\n");
  });

  it("lets no name steer the terminal, or break the line", () => {
    expect(printableCell("a\u001b[31mred\u0007\r\nb\u009b2J")).toBe("a?[31mred? b?2J");
  });

  it("is CSV with whole values, quoted where they must be", () => {
    const cells = cellsOf(COLUMNS, [{ ID: " 7", NAME: 'a,"b"', IP: "1;2" }], 0);
    expect(renderCsv(COLUMNS, cells)).toBe('ID,NAME,IP\n7,"a,""b""",1;2\n');
    expect(renderCsv(COLUMNS, cells, { header: false, delimiter: ";" })).toBe('7;"a,""b""";"1;2"\n');
  });

  it("shows the columns asked for, in that order", () => {
    expect(selectColumns(COLUMNS, ["name", "ID"]).map(({ name }) => name)).toEqual(["NAME", "ID"]);
    expect(() => selectColumns(COLUMNS, ["SIZE"])).toThrow(
      "Column SIZE is not defined; columns are ID, NAME, IP.",
    );
  });
});

describe("the rows of a table", () => {
  const ids = (cells: readonly (readonly string[])[]) => cells.map(([id]) => id);

  it.each([
    [["NAME=b"], ["9"]],
    [["name~long"], ["10"]],
    [["NAME!=b"], ["10"]],
    [["ID>9"], ["10"]],
    [["ID<=9"], ["9"]],
    [["ID<10"], ["9"]],
    [["ID>=9"], ["10", "9"]],
    [["ID>=9", "NAME~a-"], ["10"]],
    [["IP="], ["9"]],
  ])("are those that meet %j", (conditions, expected) => {
    expect(ids(filterCells(COLUMNS, CELLS, conditions))).toEqual(expected);
  });

  it.each([
    ["NAME", /"NAME" is no filter/],
    ["SIZE=1", /Column SIZE is not defined/],
  ])("cannot be filtered by %s", (condition, message) => {
    expect(() => filterCells(COLUMNS, CELLS, [condition])).toThrow(message);
  });

  it("are sorted by value where they are numbers, by letters else", () => {
    expect(ids(sortCells(COLUMNS, CELLS, ["ID"]))).toEqual(["9", "10"]);
    expect(ids(sortCells(COLUMNS, CELLS, ["-ID"]))).toEqual(["10", "9"]);
    expect(ids(sortCells(COLUMNS, CELLS, ["-name"]))).toEqual(["9", "10"]);
    expect(ids(sortCells(COLUMNS, CELLS, []))).toEqual(["10", "9"]);
  });
});

describe("amounts and periods", () => {
  it.each([
    [0, "K", "0K"],
    [1024, "K", "1024K"],
    [44_544, "K", "43.5M"],
    [512, "M", "512M"],
    [16_777_216, "K", "16G"],
    [2 ** 41, "K", "2048T"],
  ] as const)("%d%s is %s", (amount, unit, expected) => {
    expect(amountText(amount, unit)).toBe(expected);
  });

  it("are written as OpenNebula writes them", () => {
    expect(periodText(0)).toBe("  0d 00h00m");
    expect(periodText(90_061)).toBe("  1d 01h01m");
    expect(periodText(-5)).toBe("  0d 00h00m");
    expect(shortPeriodText(3_725)).toBe("  1h02m05s");
  });
});
