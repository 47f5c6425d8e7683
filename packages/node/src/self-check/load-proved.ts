import { engineNames, startEngine, type StartedEngine } from "@clip-ts/engines";
import {
  loadEmbedder,
  openProved,
  type CheckPrecision,
  type Model,
  type OnEngine,
  type RefusedEngines,
  type SelfCheckWhen,
  withoutPictures,
} from "@clip-ts/inference";
import type { Embedder } from "@clip-ts/model";
import type { Precision } from "@clip-ts/tensorflow";
import { checkKey, isRemembered, rememberCheck } from "./remembered-checks.ts";

/** What a model is loaded onto: an engine of ours, or the application's own backend. */
export type RunningEngine = Pick<StartedEngine, "compiler" | "dtype"> & {
  readonly name: string;
  readonly detail?: string;
};

/** How a model comes onto an engine, and when it is held against its proof. */
export interface LoadProvedOptions<Engine extends RunningEngine> {
  /** Starts the engine that is wanted, of those that are not refused: `refused` goes to `startEngine` as it is. */
  readonly start: (refused: RefusedEngines) => Promise<Engine>;
  /**
   * Whether it was asked for by name, so that no other takes its place; another is started then only where it fails,
   * to tell whether the weights are damaged. "current" for a backend that must stay what it is.
   */
  readonly asked?: "named" | "current" | undefined;
  /** "first-use" by default. */
  readonly selfCheck?: SelfCheckWhen | undefined;
  /** Of matmuls; "f32" by default. */
  readonly precision?: Precision | undefined;
  /** Loads the model onto an engine that runs; `loadEmbedder` by default. */
  readonly load?: (model: Model, engine: Engine) => Promise<Embedder>;
  /** Holds captions alone against the proof, for a vision tower that is not read before a picture comes. No by default. */
  readonly seesNoPictures?: boolean;
  readonly onNotice: (line: string) => void;
}

/** GPUs may multiply in TF32 where f32 is asked for. */
const onGpu = /gpu$/u;

/** How exactly an engine computes. */
export function checkPrecision(
  { name, dtype }: Pick<RunningEngine, "name" | "dtype">,
  precision: Precision = "f32",
): CheckPrecision {
  if (dtype !== undefined) return dtype;
  if (precision === "bf16") return "bf16";
  return onGpu.test(name) ? "tf32" : "f32";
}

/** What a check of captions alone is remembered by: it says nothing of pictures. */
const captionsKey = (key: string): string => `${key} captions`;

/** Engines that an automatic choice passes over for a model of stored graphs, and why. */
const withoutGraphs: RefusedEngines = Object.fromEntries(
  engineNames.filter((name) => !name.startsWith("onnx")).map((name) => [name, "runs no stored ONNX graphs"]),
);

async function onAnother(model: Model, refused: RefusedEngines): Promise<OnEngine<RunningEngine>> {
  const engine = await startEngine("auto", { refused });
  return { engine, embedder: await loadEmbedder(model, engine.compiler) };
}

/**
 * Starts an engine and loads a model onto it, as `loadEmbedder` does. A model that carries its proof is held against it
 * on first use on an engine and device: an engine that fails is named to `onNotice`, and the next one that passes
 * computes. What passed is remembered in the user's cache. Leaves the model open; the caller disposes the embedder.
 * @throws ClipError, as `openProved` says, where no engine that may be used passes.
 */
export async function loadProved<Engine extends RunningEngine>(
  model: Model,
  options: LoadProvedOptions<Engine>,
): Promise<OnEngine<Engine>> {
  const { start, asked, selfCheck = "first-use", precision, seesNoPictures = false, onNotice } = options;
  const { load = (model, { compiler }) => loadEmbedder(model, compiler) } = options;
  const passedOver = (await model.graphs()) === undefined ? {} : withoutGraphs;
  const open = async (refused: RefusedEngines): Promise<OnEngine<Engine>> => {
    const engine = await start({ ...passedOver, ...refused });
    return { engine, embedder: await load(model, engine) };
  };
  const whole = selfCheck === "off" ? undefined : await model.selfCheck();
  if (whole === undefined) return open({});
  const check = seesNoPictures ? withoutPictures(whole) : whole;
  const keyOf = (engine: RunningEngine): Promise<string | undefined> =>
    checkKey({ model, engine, precision: checkPrecision(engine, precision) });
  const another = async (refused: RefusedEngines): Promise<OnEngine<Engine> | undefined> =>
    asked === "current" ? undefined : ((await onAnother(model, refused)) as OnEngine<Engine>);
  return openProved<Engine>({
    model,
    check,
    open,
    ...(asked !== undefined && { another }),
    precisionOf: (engine) => checkPrecision(engine, precision),
    async isKnown(engine) {
      const key = selfCheck === "first-use" && asked !== "current" ? await keyOf(engine) : undefined;
      if (key === undefined) return false;
      return (await isRemembered(key)) || (seesNoPictures && (await isRemembered(captionsKey(key))));
    },
    async onPassed(engine) {
      const key = asked === "current" ? undefined : await keyOf(engine);
      if (key !== undefined) await rememberCheck(seesNoPictures ? captionsKey(key) : key);
    },
    onNotice,
  });
}
