import { valueAndGradient, withGradientAside, type FlatTree } from "@clip-ts/core";
import type { Gradients } from "@clip-ts/jit";
import { imageSide, textSide, type ClipParams, type EncodedSide } from "@clip-ts/model";
import { cachedGradient, type EncodedRows } from "@clip-ts/optim";
import { clone, reshape, zerosLike, type Tensor } from "@tensorflow/tfjs-core";
import type { RunConfig } from "../config/schema.ts";
import { compareFeatures, type Comparison, type LogitParams } from "./compare-features.ts";
import type { LazyBatch } from "./step-batch.ts";
import { modelParams, type TrainingPlan } from "./training-plan.ts";

/** Loss, metrics, gradients of what learns, and statistics, as a function of leaves and a batch. */
export type Objective = (leaves: FlatTree<Tensor>, batch: LazyBatch) => Required<Gradients>;

/** A micro-batch on the engine. */
type MicroBatch = {
  readonly pixelValues: Tensor;
  readonly inputIds: Tensor;
  readonly keptPatches?: Tensor;
};

const pairNames = ["pixelValues", "inputIds", "keptPatches"];

/** What begins the names of each micro-batch; nothing if the batch is whole. */
function prefixesOf(batch: LazyBatch): string[] {
  const parts = Object.keys(batch).filter((name) => name.endsWith("/inputIds"));
  return parts.length === 0 ? [""] : parts.map((_, index) => `${index}/`);
}

/** The micro-batches of a batch, made when asked for. */
function microBatches(batch: LazyBatch): (() => MicroBatch)[] {
  return prefixesOf(batch).map((prefix) => () => {
    const own = pairNames.flatMap((name) => {
      const make = batch[`${prefix}${name}`];
      return make === undefined ? [] : [[name, make()] as const];
    });
    return Object.fromEntries(own) as unknown as MicroBatch;
  });
}

/** Runs a tower without a tape: nothing in it learns, so nothing need be kept. */
function withoutTape(
  input: Tensor,
  run: () => EncodedSide,
): Pick<EncodedSide, "features" | "statistics"> {
  const { value, aside } = withGradientAside({
    inputs: [input],
    forward() {
      const { features, statistics } = run();
      return { value: features, aside: statistics };
    },
    backward: () => [zerosLike(input)],
  });
  return { features: value, statistics: aside };
}

/** Both towers on one micro-batch. */
function encodePairs(
  params: ClipParams,
  { pixelValues, inputIds, keptPatches }: MicroBatch,
  { plan, checkpoint }: { readonly plan: TrainingPlan; readonly checkpoint: boolean },
): EncodedRows {
  const { clip, isFrozen, updatesStatistics: training } = plan;
  const seeImages = (): EncodedSide =>
    imageSide(params, pixelValues, clip, { training, checkpoint, keptPatches });
  const readTexts = (): EncodedSide => textSide(params, inputIds, clip, { checkpoint });
  const image = isFrozen.image ? withoutTape(pixelValues, seeImages) : seeImages();
  const text = isFrozen.text ? withoutTape(inputIds, readTexts) : readTexts();
  return { features: { image: image.features, text: text.features }, aside: image.statistics };
}

const comparedPaths = ["logit_scale", "logit_bias"];

/** What `compare` needs of the leaves. */
function logitParams({ logit_scale, logit_bias }: FlatTree<Tensor>): LogitParams {
  const scale = { logit_scale: logit_scale as Tensor };
  return logit_bias === undefined ? scale : { ...scale, logit_bias };
}

/** Sets up the gradient of a run: of one batch, or exactly accumulated over micro-batches. */
export function createObjective(config: RunConfig, plan: TrainingPlan): Objective {
  const { clip } = plan;
  const options = { plan, checkpoint: config.gradientCheckpointing };
  return (leaves, batch) => {
    const trained = Object.fromEntries(
      Object.keys(plan.trained).map((path) => [path, leaves[path] as Tensor]),
    );
    const encode = (
      own: FlatTree<Tensor>,
      micro: MicroBatch,
      before?: FlatTree<Tensor>,
    ): EncodedRows =>
      encodePairs(modelParams(plan, { ...leaves, ...own, ...before }), micro, options);
    const compare = (own: FlatTree<Tensor>, { image, text }: FlatTree<Tensor>) => {
      const features = { image: image as Tensor, text: text as Tensor };
      const params = logitParams({ ...leaves, ...own });
      const { loss, accuracy } = compareFeatures(params, features, { config, clip, batch });
      return { loss, aux: { accuracy } };
    };
    const parts = microBatches(batch);
    const logitScale = reshape(clone(leaves["logit_scale"] as Tensor), []);
    if (parts.length > 1) {
      const compared = comparedPaths.filter((path) => path in trained);
      const outcome = cachedGradient({
        params: trained,
        compared,
        batches: parts,
        encode,
        compare,
      });
      const { accuracy } = outcome.aux as Pick<Comparison, "accuracy">;
      const metrics = { accuracy, logitScale };
      return { loss: outcome.value, metrics, grads: outcome.gradient, statistics: outcome.aside };
    }
    const micro = (parts[0] as () => MicroBatch)();
    const { value, gradient, aux } = valueAndGradient((own: Record<string, Tensor>) => {
      const { features, aside = {} } = encode(own, micro);
      const { loss, aux: seen } = compare(own, features);
      return { loss, aux: { ...seen, statistics: aside } };
    }, trained);
    const { accuracy, statistics } = aux as NonNullable<typeof aux>;
    return { loss: value, metrics: { accuracy, logitScale }, grads: gradient, statistics };
  };
}
