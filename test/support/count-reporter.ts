/** A vitest reporter whose last line is `tests: N passed, N failed`, as CI reads it. */

import type { Reporter, TestModule } from "vitest/node";

/** Counts what ran; a file that could not even load counts as one failure. */
export function countReporter(): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
      for (const module of modules) count(module, counts);
      const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
      process.on("exit", () => {
        process.stdout.write(`tests: ${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
      });
    },
  };
}

function count(module: TestModule, counts: { passed: number; failed: number; skipped: number }): void {
  if (module.errors().length > 0) counts.failed += 1;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === "passed" || state === "failed" || state === "skipped") counts[state] += 1;
  }
}
