import { ClipError } from "@clip-ts/base";
import { restoreNodeHelpers } from "../engine/node-helpers.ts";
import { lastLines, runProgram } from "./run-program.ts";

/** Runs in a process of its own: an addon that crashes must not take the setup with it. */
const trial = `
(${restoreNodeHelpers.toString()})(require("node:util"));
const tf = require(process.argv[1]);
const numbers = (tensor) => Array.from(tensor.dataSync());
const product = numbers(tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5], [6]])));
const gradient = numbers(tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, 2, 3])));
const { binding, isUsingGpuDevice } = tf.backend();
const facts = { version: binding.TF_Version, gpu: isUsingGpuDevice, product, gradient };
console.log("trial " + JSON.stringify(facts));
`;

/** What TensorFlow says of itself. */
export interface TrialResult {
  readonly version: string;
  /** Whether it found a GPU that it can use. */
  readonly gpu: boolean;
}

/**
 * Loads tfjs-node in another process, multiplies two matrices and takes a gradient.
 * @throws ClipError "engine-unavailable" with what the process said.
 */
export async function tryAddon(
  packageFolder: string,
  environment: NodeJS.ProcessEnv,
): Promise<TrialResult> {
  const quiet = { TF_CPP_MIN_LOG_LEVEL: "2", TF_FORCE_GPU_ALLOW_GROWTH: "true", ...environment };
  const args = ["-e", trial, packageFolder];
  const { stdout, stderr } = await runProgram(process.execPath, args, quiet);
  const line = stdout.split("\n").find((text) => text.startsWith("trial "));
  const fault = (reason: string): ClipError =>
    new ClipError(
      "engine-unavailable",
      `TensorFlow's native part was built but ${reason}\n  Run the setup again with other libraries ` +
        "(--from), or use another engine.",
    );
  if (line === undefined) {
    const reason = /^\w*Error: .*/mu.exec(stderr)?.[0] ?? stderr;
    throw fault(`does not run:\n${lastLines(reason)}`);
  }
  const { product, gradient, ...result } = JSON.parse(
    line.slice("trial ".length),
  ) as TrialResult & {
    readonly product: readonly number[];
    readonly gradient: readonly number[];
  };
  const got = [product, gradient].join("; ");
  if (got !== "17,39; 2,4,6") throw fault(`computes ${got} where 17,39; 2,4,6 is right.`);
  return result;
}
