// @ts-check
// Adds up the last counts in logs: `node scripts/sum-counts.mjs LOG...` prints `N passed, N failed`. A log
// without counts broke off, which is a failure.
import { readFileSync } from "node:fs";

const counts = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gmu;

const total = { passed: 0, failed: 0, skipped: 0 };
for (const path of process.argv.slice(2)) {
  const [, passed = 0, failed = 1, skipped = 0] = [...readFileSync(path, "utf8").matchAll(counts)].at(-1) ?? [];
  total.passed += Number(passed);
  total.failed += Number(failed);
  total.skipped += Number(skipped);
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 ? 1 : 0;
