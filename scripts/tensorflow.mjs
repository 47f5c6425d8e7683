// @ts-check
// Sets up TensorFlow's native part, so that the tests of its engine run too; without pip it says what is skipped.
import { foreground } from "./run.mjs";
import { build, install, requireNode } from "./stages.mjs";

requireNode();
const isReady =
  (await install()) &&
  (await build()) &&
  (await foreground([process.execPath, "apps/trainer/bin/clip-ts.js", "setup", "tensorflow"])) === 0;
if (!isReady) console.log("TensorFlow cannot be set up here: the tests of its engine are skipped.");
