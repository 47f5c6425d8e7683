// @ts-check
// npm run quickstart: from a fresh clone to a trained CLIP. Arguments go to `clip-ts quickstart`.
import { foreground } from "./run.mjs";
import { build, install, requireNode } from "./stages.mjs";

requireNode();
if (!(await install()) || !(await build("clip-ts"))) process.exit(1);
const args = process.argv.slice(2);
process.exitCode = await foreground([process.execPath, "apps/clip-ts/bin/clip-ts.js", "quickstart", ...args]);
