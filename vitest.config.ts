import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/{unit,conformance,e2e,fault}/**/*.test.ts"],
    // Processes, sockets and SQLite files: a file owns its own, so files may run side by side.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
