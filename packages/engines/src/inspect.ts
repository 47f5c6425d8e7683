import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { valueAndGradient } from "@clip-ts/core";
import { trace, type Target } from "@clip-ts/jit";
import {
  add,
  matMul,
  ones,
  softmax,
  square,
  sum,
  tensor,
  tensor2d,
  tidy,
  tile,
  type Tensor,
} from "@tensorflow/tfjs-core";
import { engineNames, type EngineName, type EngineStatus, type StartedEngine } from "./engine.ts";
import { inspectOnnx } from "./onnx.ts";
import { inspectTensorflow } from "./tensorflow.ts";
import { inspectWebgpu } from "./webgpu.ts";

const require = createRequire(import.meta.url);

function versionOf(reference: string): string {
  return (require(`${reference}/package.json`) as { version: string }).version;
}

/** What is known about one engine without starting it. */
export function inspectEngine(name: EngineName): EngineStatus {
  switch (name) {
    case "tensorflow":
    case "tensorflow-gpu":
      return inspectTensorflow(name);
    case "onnx":
    case "onnx-gpu":
      return inspectOnnx(name);
    case "webgpu":
      return inspectWebgpu();
    case "wasm": {
      const detail = `tfjs-backend-wasm ${versionOf("@tensorflow/tfjs-backend-wasm")}, SIMD, 1 thread`;
      return { name, available: true, detail };
    }
    case "cpu": {
      const detail = `tfjs-backend-cpu ${versionOf("@tensorflow/tfjs-backend-cpu")}, plain JavaScript, ${cpus()[0]?.model.trim() ?? "CPU"}`;
      return { name, available: true, detail };
    }
  }
}

/** The state of every engine, fastest first. */
export function inspectEngines(): EngineStatus[] {
  return engineNames.map((name) => inspectEngine(name));
}

/** How far the running engine is from the right answer. */
export interface EngineCheck {
  readonly name: string;
  readonly expected: readonly number[];
  readonly actual: readonly number[];
  /** Every number is right to a thousandth: room for 10-bit matmuls, none for wrong kernels. */
  readonly passed: boolean;
}

const tolerance = 1e-3;

/** The answers were worked out by hand; whole numbers below 2^11 suit every float format. */
const questions: readonly {
  readonly name: string;
  readonly expected: readonly number[];
  readonly ask: (a: Tensor, b: Tensor) => Tensor;
}[] = [
  {
    name: "matmul",
    expected: [58, 64, 139, 154],
    ask: (a, b) => matMul(a, b),
  },
  {
    name: "softmax",
    expected: [1 / 8, 2 / 8, 5 / 8],
    ask: () => softmax(tensor2d([[0, Math.log(2), Math.log(5)]])),
  },
  {
    // d sum((a · b)²) / d a = 2 (a · b) · bᵀ
    name: "gradient",
    expected: [1836, 2324, 2812, 4410, 5582, 6754],
    ask: (a, b) => {
      const objective = (params: { a: Tensor }) => ({ loss: sum(square(matMul(params.a, b))) });
      return valueAndGradient(objective, { a }).gradient.a;
    },
  },
  {
    // Each of 256 rows is 5, 7, 9, four times: sums of x² + x. Large enough for an engine to fuse it.
    name: "sums over rows",
    expected: Array.from({ length: 12 }, (_, at) => [7680, 14336, 23040][at % 3] as number),
    ask: (a) => {
      const rows = tile(matMul(ones([256, 2]), a), [1, 4]);
      return sum(add(square(rows), rows), 0);
    },
  },
];

const left = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] };
const right = { data: Float32Array.of(7, 8, 9, 10, 11, 12), shape: [3, 2] };

type Question = (typeof questions)[number]["ask"];

/** The answer as a compiled graph gives it. */
async function askCompiled(ask: Question, target: Target): Promise<number[]> {
  const graph = trace((given) => ({ answer: ask(given.left, given.right) }), {
    left,
    right,
  });
  const compiled = await target(graph);
  const { answer } = await compiled.run({ left, right });
  await compiled.dispose();
  return Array.from(answer?.data ?? []);
}

/** The answer as tfjs's engine gives it. */
async function askEager(ask: Question): Promise<number[]> {
  const answer = tidy(() => ask(tensor(left.data, [2, 3]), tensor(right.data, [3, 2])));
  const values = Array.from(await answer.data());
  answer.dispose();
  return values;
}

/**
 * Asks the running engine for a matmul, a softmax, a gradient and sums whose values are known; an engine
 * that compiles is asked through a traced graph.
 */
export async function checkEngine({ compiler }: Pick<StartedEngine, "compiler"> = {}): Promise<EngineCheck[]> {
  const checks: EngineCheck[] = [];
  for (const { name, expected, ask } of questions) {
    const actual = await (compiler === undefined ? askEager(ask) : askCompiled(ask, compiler.target));
    const passed =
      actual.length === expected.length &&
      expected.every((value, index) => {
        return Math.abs((actual[index] as number) - value) <= tolerance * value;
      });
    checks.push({ name, expected, actual, passed });
  }
  return checks;
}

/** Milliseconds that an engine has to start and compute a few small matmuls. */
const patience = 120_000;

/** This package as it is installed; the process of a trial loads it anew. */
const library = new URL("../dist/index.js", import.meta.url).href;

/** What a trial runs: a process of its own, for what crashes, and for what native libraries print. */
const trial = `
const [library, name] = process.argv.slice(1);
const tell = (facts) => process.stdout.write("\\ntrial " + JSON.stringify(facts) + "\\n", () => process.exit(0));
try {
  const { checkEngine, startEngine } = await import(library);
  const engine = await startEngine(name);
  tell({ detail: engine.detail, checks: await checkEngine(engine) });
} catch (error) {
  tell({ refusal: error.message });
}
`;

/** What a trial tells. */
type Told = { readonly refusal: string } | { readonly detail: string; readonly checks: readonly EngineCheck[] };

/** How a process ended that told nothing. */
function silence({ signal, code, killed }: ChildFault): string {
  if (killed === true) return `its process gave no answer within ${patience / 1000} s`;
  return `its process ended with ${typeof signal === "string" ? signal : `code ${code}`} before it answered`;
}

interface ChildFault {
  readonly killed?: boolean | undefined;
  readonly signal?: string | null | undefined;
  readonly code?: string | number | null | undefined;
}

function runTrial(name: EngineName): Promise<Told> {
  const words = ["--no-deprecation", "--input-type=module", "-e", trial, library, name];
  const environment = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" };
  return new Promise((resolve) => {
    const options = { timeout: patience, env: environment, windowsHide: true };
    execFile(process.execPath, words, options, (fault, stdout) => {
      const line = stdout.split("\n").findLast((text) => text.startsWith("trial "));
      if (line !== undefined) resolve(JSON.parse(line.slice("trial ".length)) as Told);
      else resolve({ refusal: silence(fault ?? { code: 0 }) });
    });
  });
}

/** The first answer that is wrong, in words; undefined if all are right. */
function faultIn(checks: readonly EngineCheck[]): string | undefined {
  const wrong = checks.find(({ passed }) => !passed);
  if (wrong === undefined) return undefined;
  const { name, expected, actual } = wrong;
  return `it computes wrongly: ${name} gives ${actual.join(", ")} where ${expected.join(", ")} is right`;
}

/** What was tried already in this process: nothing is installed or plugged in meanwhile. */
const tried = new Map<EngineName, Promise<EngineStatus>>();

/**
 * Starts an engine in a process of its own, has it compute what is known beforehand and says whether it can be
 * used here, and if not why. What native libraries print on the way is not shown. It is tried once.
 */
export function tryEngine(name: EngineName): Promise<EngineStatus> {
  const status = tried.get(name) ?? outcomeOf(name);
  tried.set(name, status);
  return status;
}

async function outcomeOf(name: EngineName): Promise<EngineStatus> {
  const status = inspectEngine(name);
  if (!status.available) return status;
  const told = await runTrial(name);
  if ("refusal" in told) {
    const detail = told.refusal.replaceAll(/\s+/gu, " ").trim().replace(/\.$/u, "");
    return { name, available: false, detail };
  }
  const fault = faultIn(told.checks);
  return fault === undefined
    ? { name, available: true, detail: told.detail }
    : { name, available: false, detail: fault };
}

/** The same of every engine, fastest first. */
export function tryEngines(): Promise<EngineStatus[]> {
  return Promise.all(inspectEngines().map(({ name }) => tryEngine(name)));
}
