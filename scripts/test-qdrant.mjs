// @ts-check
// pnpm test:qdrant URL [--api-key KEY]: the tests that every vector index has to pass, on a Qdrant server of yours.
// They make collections named clip-ts-test-..., and remove them at the end.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "api-key": { type: "string" }, help: { type: "boolean", short: "h" } },
});
const [url, ...more] = positionals;
if (values.help === true || url === undefined || more.length > 0 || !URL.canParse(url)) {
  const text = [
    "Usage: pnpm test:qdrant URL [--api-key KEY]",
    "",
    "Runs the conformance tests of @clip-ts/search on the Qdrant server at URL (1.16 or newer), as in",
    "http://localhost:6333. No real server was at hand when the adapter was written: it was tested against a",
    "small one made from Qdrant's API document.",
  ].join("\n");
  (values.help === true ? console.log : console.error)(text);
  process.exit(values.help === true ? 0 : 2);
}

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const { CLIP_TS_QDRANT_API_KEY: _, ...env } = process.env;
const key = values["api-key"];
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--root", root, "packages/search/src/qdrant/qdrant-index.test.ts"],
  {
    stdio: "inherit",
    env: { ...env, CLIP_TS_QDRANT_URL: url, ...(key === undefined ? {} : { CLIP_TS_QDRANT_API_KEY: key }) },
  },
);
process.exit(status ?? 1);
