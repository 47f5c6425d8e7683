// @ts-check
// npm run demo: serves the browser demo. Arguments go to vite.
import { join } from "node:path";
import { foreground, root, toolOf } from "./run.mjs";
import { build, install, requireNode } from "./stages.mjs";

requireNode();
if (!(await install()) || !(await build("@clip-ts/demo^..."))) process.exit(1);
const folder = join(root, "apps", "demo");
process.exitCode = await foreground(toolOf(folder, "vite", ...process.argv.slice(2)), folder);
