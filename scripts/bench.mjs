// @ts-check
// pnpm bench: clip-ts and its peers, timed in turn. Arguments go to bench/main.mjs; see bench/README.md.
import { foreground } from "./run.mjs";
import { build, install, requireNode } from "./stages.mjs";

requireNode();
if (!(await install()) || !(await build("@clip-ts/trainer"))) process.exit(1);
process.exitCode = await foreground([process.execPath, "bench/main.mjs", ...process.argv.slice(2)]);
