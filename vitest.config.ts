import { defineConfig } from "vitest/config";
import { countReporter } from "./test/support/count-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/{unit,conformance,e2e,fault}/**/*.test.ts"],
    // Processes, sockets and SQLite files: a file owns its own, so files may run side by side.
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", countReporter()],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
