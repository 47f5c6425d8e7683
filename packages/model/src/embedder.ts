import { refuseAfterDisposal, type DisposalWords } from "@clip-ts/base";
import { flattenTree } from "@clip-ts/core";
import { dispose, tensor, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { ClipConfig } from "./config.ts";
import { embedImages, embedTexts } from "./embed.ts";
import type { ClipParams } from "./spec.ts";

/** Captions as ids, row-major [batch, tokens], each row holding its end token. */
export interface TokenizedTexts {
  readonly inputIds: Int32Array;
  readonly batch: number;
  readonly tokens: number;
}

/** Both towers with their heads, on plain arrays: what an engine makes of a model's parameters. */
export interface Embedder {
  /** Logarithm of the learnt factor on cosines. */
  readonly logitScale: number;
  /** What a model of the sigmoid loss adds to scaled cosines. */
  readonly logitBias?: number;
  /** Pixels [rows, channels, imageSize, imageSize] → unit features [rows, joint]. */
  images(pixels: Float32Array, rows: number): Promise<Float32Array>;
  /** Ids → unit features [batch, joint]. */
  texts(texts: TokenizedTexts): Promise<Float32Array>;
  /** Frees the parameters; whatever is asked afterwards is refused with a ClipError "disposed". */
  dispose(): void;
}

/** What an embedder says after `dispose`. */
export const embedderDisposed: DisposalWords = {
  what: "This embedder",
  remedy: "Load the weights into another, or dispose it only after its last use.",
};

/** Runs the towers operation by operation on tfjs's engine. Owns the parameters from now on. */
export async function eagerEmbedder(params: ClipParams, config: ClipConfig): Promise<Embedder> {
  const [logitScale = 0] = await params.logit_scale.data();
  const [logitBias] = params.logit_bias === undefined ? [] : await params.logit_bias.data();
  const { channels, imageSize } = config.vision;
  const read = async (run: () => Tensor): Promise<Float32Array> => {
    const features = tidy(run);
    const values = (await features.data()) as Float32Array;
    features.dispose();
    return values;
  };
  const embedder: Embedder = {
    logitScale,
    ...(logitBias !== undefined && { logitBias }),
    images: (pixels, rows) =>
      read(() =>
        embedImages(params, tensor(pixels, [rows, channels, imageSize, imageSize]), config),
      ),
    texts: ({ inputIds, batch, tokens }) =>
      read(() => embedTexts(params, tensor(inputIds, [batch, tokens], "int32"), config)),
    dispose: () => dispose(Object.values(flattenTree<Tensor>(params))),
  };
  return refuseAfterDisposal(embedder, embedderDisposed);
}
