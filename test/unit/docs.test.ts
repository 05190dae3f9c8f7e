import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { OWED_WORK, RULES } from "../../gateway/cloud/embedded/vm-machine.ts";
import { VM_ACTIONS } from "../../gateway/cloud/pools/vm-pool.ts";
import { ERROR_CODES, EXIT_CODE, HTTP_STATUS } from "../../shared/errors.ts";

/** What docs/architecture.md shows of the tables in the code. A failing test prints what to paste there. */

/** The page with its tables' padding taken out. */
const page = readFileSync(new URL("../../docs/architecture.md", import.meta.url), "utf8")
  .replace(/ *\| */g, " | ")
  .replace(/-{3,}/g, "---")
  .replace(/^ | $/gm, "");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

describe("docs/architecture.md", () => {
  it("shows where each action on a VM leads", () => {
    const rows = VM_ACTIONS.flatMap((action) =>
      RULES[action].map(({ from, to }) => [action, from.join(", "), to]),
    );
    expect(page).toContain(table(["action", "from", "to"], rows));
  });

  it("shows what each transient phase owes", () => {
    const rows = Object.entries(OWED_WORK).map(([phase, { work, done, failed }]) => [
      phase,
      work,
      done,
      failed,
    ]);
    expect(page).toContain(table(["phase", "the driver's work", "then", "when it fails"], rows));
  });

  it("shows what each error becomes", () => {
    const rows = ERROR_CODES.map((code) => [
      `\`${code}\``,
      String(HTTP_STATUS[code]),
      String(EXIT_CODE[code]),
    ]);
    expect(page).toContain(table(["code", "HTTP", "exit code"], rows));
  });
});
