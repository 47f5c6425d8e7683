import { ClipError } from "@clip-ts/base";
import { startEngine } from "@clip-ts/engines";
import { atResolution, closing, type Model, type StoredTower } from "@clip-ts/inference";
import { clipSpec } from "@clip-ts/model";
import { openModel } from "@clip-ts/node";
import { interpolateWeights } from "@clip-ts/optim";
import {
  checkFit,
  convertLayout,
  fromFloat32,
  sliceRows,
  toFloat32,
  type HostTensor,
  type TensorFile,
} from "@clip-ts/weights";
import { onNotice } from "../../cli/output.ts";
import { checkActivation, checkSameArchitecture, withActivation } from "./check.ts";
import type { ModelChanges } from "./command.ts";

function between(a: HostTensor, b: HostTensor, alpha: number): HostTensor {
  const [from, to] = [a, b].map((side) => ({ data: toFloat32(side), shape: side.shape }));
  const { value } = interpolateWeights({ value: from! }, { value: to! }, alpha);
  const dtype = a.dtype === "F16" || a.dtype === "BF16" ? a.dtype : "F32";
  return fromFloat32(value!.data as Float32Array, a.shape, dtype);
}

function checkAlike(a: TensorFile, b: TensorFile): void {
  const other = new Set(b.names);
  const alone = a.names.find((name) => !other.has(name));
  if (alone === undefined && a.names.length === b.names.length) return;
  throw new ClipError(
    "bad-argument",
    `Only models of one architecture can be interpolated: ${alone ?? "a tensor"} is in one of them alone.`,
    { data: { alone } },
  );
}

/**
 * (1 - alpha) · a + alpha · b as a view: each tensor is computed when it is read (WiSE-FT). Under clip-ts's
 * own names, in the number format of `a`. No engine has to run.
 * @throws ClipError "bad-argument" for models of two architectures.
 */
function interpolatedWeights(a: TensorFile, b: TensorFile, alpha: number): TensorFile {
  const [from, to] = [convertLayout(a, "huggingface"), convertLayout(b, "huggingface")];
  checkAlike(from, to);
  return {
    ...from,
    async read(name, rows) {
      const mixed = between(await from.read(name), await to.read(name), alpha);
      return rows === undefined ? mixed : sliceRows(mixed, rows);
    },
  };
}

/** The model with the weights between it and another, if one is asked for, for as long as `use` runs. */
async function withOther<Result>(
  model: Model,
  { other }: ModelChanges,
  use: (model: Model) => Promise<Result>,
): Promise<Result> {
  if (other === undefined) return use(model);
  const { name, config, weights } = model;
  const found = await openModel(other.model, { like: config, onNotice });
  checkSameArchitecture({ name, config }, { name: other.model, config: found.config });
  return closing(found, async () => {
    const file = await found.weights();
    checkFit(clipSpec(found.config), file);
    const mixed = async (): ReturnType<typeof weights> => interpolatedWeights(await weights(), file, other.alpha);
    return use({ ...model, weights: mixed, selfCheck: () => Promise.resolve(undefined) });
  });
}

/** The model with its positions for another image size, if one is asked for. */
async function resized(model: Model, { imageSize }: ModelChanges): Promise<Model> {
  if (imageSize === undefined) return model;
  await startEngine("cpu"); // positions are computed, between grids
  return atResolution(model, imageSize);
}

/**
 * Refuses changes that one tower alone does not take.
 * @throws ClipError "bad-argument".
 */
export function checkTowerChanges({ name, tower }: StoredTower, changes: ModelChanges): void {
  const { config } = tower;
  if (changes.other !== undefined || changes.imageSize !== undefined) {
    throw new ClipError(
      "bad-argument",
      `${name} holds one tower alone, and --interpolate and --image-size change whole models only.`,
      { data: { model: name } },
    );
  }
  const found = "activation" in config ? config.activation : undefined;
  checkActivation({ [tower.side]: found }, name, changes.inferred);
}

/** Opens a model with changes, each tensor changed when it is read, for as long as `use` runs. */
export async function withChangedModel<Result>(
  name: string,
  changes: ModelChanges,
  use: (model: Model) => Promise<Result>,
): Promise<Result> {
  const found = await openModel(name, { ...changes.inferred, onNotice });
  const model = { ...found, config: withActivation(found.config, name, changes.inferred) };
  return closing(model, async () => {
    checkFit(clipSpec(model.config), await model.weights());
    return withOther(model, changes, async (mixed) => use(await resized(mixed, changes)));
  });
}
