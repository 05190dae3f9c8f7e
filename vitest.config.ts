import { defineConfig } from "vitest/config";
import { countReporter } from "./test/support/count-reporter.ts";

/** Emulated machines take a processor each, so these files come one after another, once the others are done. */
const MACHINES = ["test/{e2e,fault}/qemu-*.test.ts"];

export default defineConfig({
  test: {
    // Processes, sockets and SQLite files: a file owns its own, so files may run side by side.
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", countReporter()],
    // What hangs shall end, and a machine that is busy or slow shall not count as a hang.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "house",
          include: ["test/{unit,conformance,e2e,fault}/**/*.test.ts"],
          exclude: MACHINES,
        },
      },
      {
        extends: true,
        test: { name: "qemu", include: MACHINES, fileParallelism: false, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
