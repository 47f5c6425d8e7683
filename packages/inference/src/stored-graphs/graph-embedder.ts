import { ClipError, refuseAfterDisposal, weightsDtypes, type WeightsDtype } from "@clip-ts/base";
import { embedderDisposed, type ClipConfig, type Embedder, type TokenizedTexts } from "@clip-ts/model";
import type { GraphFile, GraphInput, OpenedGraph, OpenGraph } from "@clip-ts/onnx";
import { textTower } from "@clip-ts/text-encoder";
import { once } from "../once.ts";
import { imageInputs, smallestImage } from "./graph-images.ts";
import type { StoredGraphs } from "./graph-files.ts";
import { measureScales, scalesIn, type Scales } from "./graph-scales.ts";

/** Of an engine what runs stored graphs. */
export interface RunsGraphs {
  /** Absent where the engine runs none. */
  readonly openGraph?: OpenGraph;
  /** What weights are kept as; the most exact that is there where nothing is said. */
  readonly dtype?: WeightsDtype;
}

/** What a graph model's embedder is made of. */
export interface GraphEmbedderParts {
  readonly graphs: StoredGraphs;
  readonly config: ClipConfig;
  /** What errors and notices call the model. */
  readonly place: string;
  readonly engine: RunsGraphs | undefined;
}

const names = {
  image: ["image_embeds", "pooler_output"],
  text: ["text_embeds", "pooler_output"],
} as const;

/** Rows of the features, scaled to length 1. */
async function featuresOf(
  graph: OpenedGraph,
  side: keyof typeof names,
  inputs: Readonly<Record<string, GraphInput>>,
  { config, place }: GraphEmbedderParts,
): Promise<Float32Array> {
  const given = Object.entries(inputs).filter(([name]) => graph.inputs.includes(name));
  const missing = graph.inputs.find((name) => !(name in inputs));
  if (missing !== undefined) {
    throw new ClipError("unsupported", `A graph of ${place} wants "${missing}", which a CLIP has not.`);
  }
  const results = await graph.run(Object.fromEntries(given));
  const found = names[side].map((name) => results[name]).find((result) => result !== undefined);
  const dim = found?.shape.at(-1);
  if (found === undefined || dim !== config.projectionDim) {
    const gives = found === undefined ? `gives ${graph.outputs.join(", ")}` : `gives rows of ${dim}`;
    throw new ClipError(
      "bad-weights",
      `A graph of ${place} ${gives}; expected ${names[side].join(" or ")} with rows of ${config.projectionDim}.`,
    );
  }
  const rows = Float32Array.from(found.data);
  for (let start = 0; start < rows.length; start += dim) {
    const row = rows.subarray(start, start + dim);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (let at = 0; at < dim; at++) row[at] = (row[at] as number) / length;
  }
  return rows;
}

/** Ids as a graph takes them, with a mask for towers that read one. */
function textInputs({ inputIds, batch, tokens }: TokenizedTexts, { text }: ClipConfig): Record<string, GraphInput> {
  const shape = [batch, tokens];
  const masks = textTower(text).readsMask;
  const mask = BigInt64Array.from(inputIds, (id) => (masks && id === text.padTokenId ? 0n : 1n));
  return { input_ids: { data: BigInt64Array.from(inputIds, BigInt), shape }, attention_mask: { data: mask, shape } };
}

/** One image and one caption that stand for the other side, where one graph computes both. */
function standIns(config: ClipConfig): Record<string, GraphInput> {
  const { contextLength, endTokenId } = config.text;
  const ids = new Int32Array(contextLength).fill(endTokenId);
  return {
    ...imageInputs(
      smallestImage(config, () => 0),
      1,
      config,
    ),
    ...textInputs({ inputIds: ids, batch: 1, tokens: contextLength }, config),
  };
}

const unsaid = 100;

/** What is said in the config, else what the whole model's graph shows. */
async function findScales(parts: GraphEmbedderParts, open: OpenGraph): Promise<Scales> {
  const { graphs, config, place, engine } = parts;
  const said = scalesIn(await graphs.settings());
  if (said !== undefined) return said;
  const dtypes: readonly WeightsDtype[] = engine?.dtype === undefined ? weightsDtypes : [engine.dtype];
  for (const dtype of dtypes) {
    const file = await graphs.read("model", dtype);
    if (file === undefined) continue;
    const graph = await open(file);
    const measured = await measureScales((pixels, ids) => {
      const texts = { inputIds: ids, batch: 2, tokens: config.text.contextLength };
      const inputs = { ...imageInputs(pixels, 2, config), ...textInputs(texts, config) };
      return graph.run(Object.fromEntries(Object.entries(inputs).filter(([name]) => graph.inputs.includes(name))));
    }, config);
    await graph.dispose();
    if (measured !== undefined) return measured;
  }
  graphs.onNotice(
    `${place} has towers but no onnx/model.onnx, which alone tells by how much cosines are scaled: ${unsaid} is taken, ` +
      "OpenAI's. Features are not touched by it, probabilities of labels are.",
  );
  return { logitScale: Math.log(unsaid) };
}

/**
 * An embedder of graphs in the form of @huggingface/transformers. Each side's graph is read when the first image or
 * caption comes, unless `readies` has both read at once.
 * @throws ClipError "unsupported" where the engine runs no stored graphs; "not-found" naming the graph that is missing.
 */
export async function graphEmbedder(parts: GraphEmbedderParts, { readies }: { readies: boolean }): Promise<Embedder> {
  const { graphs, config, place, engine } = parts;
  const open = engine?.openGraph;
  if (open === undefined) {
    throw new ClipError(
      "unsupported",
      `${place} holds ONNX graphs in place of weights, which only ONNX Runtime runs: use the engine onnx.`,
      { data: { place } },
    );
  }
  /** One graph of both sides is opened once. */
  const opened = new Map<string, Promise<OpenedGraph>>();
  const openOnce = (file: GraphFile): Promise<OpenedGraph> => {
    const known = opened.get(file.name) ?? open(file);
    opened.set(file.name, known);
    return known;
  };
  const sideOf = (side: "text_model" | "vision_model") =>
    once(async () => openOnce(await graphs.readSide(side, engine?.dtype)));
  const [images, texts] = [sideOf("vision_model"), sideOf("text_model")];
  const dispose = (): void => {
    for (const graph of opened.values()) void graph.then((its) => its.dispose()).catch(() => undefined);
  };
  try {
    if (readies) await Promise.all([images.get(), texts.get()]);
    const others = standIns(config);
    const embedder: Embedder = {
      ...(await findScales(parts, open)),
      images: async (pixels, rows) =>
        featuresOf(await images.get(), "image", { ...others, ...imageInputs(pixels, rows, config) }, parts),
      texts: async (ids) => featuresOf(await texts.get(), "text", { ...others, ...textInputs(ids, config) }, parts),
      dispose,
    };
    return refuseAfterDisposal(embedder, embedderDisposed);
  } catch (error) {
    dispose();
    throw error;
  }
}
