// @ts-check
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { foreground, root, tool } from "../run.mjs";

const reportPath = ".test-output/vitest.json";

/**
 * Runs every test with vitest on this terminal and counts them from its JSON report. A file that
 * could not even be loaded counts as one failure.
 * @returns {Promise<import("./outcome.mjs").Outcome>}
 */
export async function tests() {
  const file = join(root, reportPath);
  rmSync(file, { force: true });
  const code = await foreground(
    tool("vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${reportPath}`),
  );
  try {
    const report = JSON.parse(readFileSync(file, "utf8"));
    const unloaded = report.testResults.filter(
      (/** @type {any} */ result) => result.status === "failed" && result.assertionResults.length === 0,
    );
    const failed = report.numFailedTests + unloaded.length;
    return {
      passed: report.numPassedTests,
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: report.numPendingTests + report.numTodoTests,
      output: "",
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0, output: "vitest wrote no report." };
  }
}
