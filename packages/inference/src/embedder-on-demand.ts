import { refuseAfterDisposal } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import { embedderDisposed, clipSpec, type ClipParams, type Embedder } from "@clip-ts/model";
import { checkFit, convertLayout, loadHostArrays, loadParams, type TensorFile } from "@clip-ts/weights";
import { engineEmbedder, type TowerWeights } from "./compiled-towers.ts";
import type { Model } from "./model.ts";
import { once } from "./once.ts";
import { embedderOfGraphs, type Runs } from "./stored-graphs/of-graphs.ts";
import { partsOf, sidesOf } from "./sides.ts";

/** The learnt numbers on cosines, which every embedder has. */
const scales: readonly (keyof ClipParams)[] = ["logit_scale", "logit_bias"];

/** A file in which only these parts of a model are to be seen, under clip-ts's own names. */
function onlyParts(file: TensorFile, parts: readonly string[]): TensorFile {
  const named = convertLayout(file, "huggingface");
  return { ...named, names: named.names.filter((name) => parts.includes(name.split(".", 1)[0] ?? "")) };
}

/** Reads parts of a model: as host arrays for a compiler, else as tensors of the running engine. */
async function loadParts(
  { config, weights }: Pick<Model, "config" | "weights">,
  parts: readonly (keyof ClipParams)[],
  isCompiled: boolean,
): Promise<TowerWeights> {
  const spec = partsOf(config, parts);
  const file = onlyParts(await weights(), parts);
  if (isCompiled) return loadHostArrays(spec, file);
  return (await loadParams(spec, file)) as ClipParams;
}

/** What `logit_scale` and `logit_bias` hold. */
function scalesIn(arrays: HostArrays): Pick<Embedder, "logitScale" | "logitBias"> {
  const logitBias = arrays["logit_bias"]?.data[0];
  return { logitScale: arrays["logit_scale"]?.data[0] ?? 0, ...(logitBias !== undefined && { logitBias }) };
}

/**
 * A model's towers, each read and readied when the first image or the first caption comes: where only captions come, as
 * in a search by words, the vision tower is never read. All of the file is held against the config at once. The embedder
 * takes the model over and closes it when it is disposed.
 * @throws ClipError "bad-weights" that lists what does not fit the config.
 */
export async function embedderOnDemand(model: Model, compiler?: Runs): Promise<Embedder> {
  const { config } = model;
  const ofGraphs = await embedderOfGraphs(model, compiler, { readies: false });
  if (ofGraphs !== undefined) return ofGraphs;
  const sides = sidesOf(config);
  const load = (parts: readonly (keyof ClipParams)[]) => async (): Promise<Embedder> =>
    engineEmbedder(await loadParts(model, [...parts, ...scales], compiler !== undefined), config, compiler);
  const [images, texts] = [once(load(sides.images.parts)), once(load(sides.texts.parts))];
  const file = await model.weights();
  checkFit(clipSpec(config), file);
  const found = await loadHostArrays(partsOf(config, scales), onlyParts(file, scales));
  const embedder: Embedder = {
    ...scalesIn(found),
    images: async (pixels, rows) => (await images.get()).images(pixels, rows),
    texts: async (ids) => (await texts.get()).texts(ids),
    dispose() {
      for (const side of [images, texts])
        void side.made()?.then(
          (ready) => ready.dispose(),
          () => undefined,
        );
      void model.close();
    },
  };
  return refuseAfterDisposal(embedder, embedderDisposed);
}
