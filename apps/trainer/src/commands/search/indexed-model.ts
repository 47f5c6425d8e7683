import type { FeatureRows } from "@clip-ts/core";
import type { StartedEngine } from "@clip-ts/engines";
import { atResolution, describedClip, embedderOnDemand, type SelfCheckWhen } from "@clip-ts/inference";
import { hashModel, loadProved, openModel } from "@clip-ts/node";
import { refuseOtherModel, type IndexRecord } from "@clip-ts/picture-index";
import type { Precision } from "@clip-ts/tensorflow";
import { UsageError, type Arguments } from "../../cli/command.ts";
import { onNotice } from "../../cli/output.ts";
import { startNamedEngine, weightsDtypeOf } from "../../cli/start-engine.ts";
import { readImage } from "../shared/images.ts";

/** The model that made an index, ready to embed what is searched for. */
export interface IndexedModel {
  readonly engine: StartedEngine;
  texts(texts: readonly string[]): Promise<FeatureRows>;
  /** The unit vector of a file's picture, or of the one at an address. */
  picture(place: string): Promise<Float32Array>;
  dispose(): void;
}

/** What `--model` names, or the place that the record gives. @throws UsageError where neither does. */
function modelOf(args: Arguments, { model: { name, place } }: IndexRecord): string {
  const model = args.text("model") ?? place;
  if (model !== undefined) return model;
  throw new UsageError(`The index does not say where its model ${name} lies: name it by --model.`);
}

/**
 * Opens the model named by `--model` or by an index's record, for pictures of the size and turned as the index has them.
 * A model that carries its proof is held against it: by captions alone where no pictures are asked for, so that its
 * vision tower is not read then.
 * @throws ClipError "bad-config" if it is not the one that made the index.
 */
export async function openIndexedModel(
  args: Arguments,
  record: IndexRecord,
  seesPictures: boolean,
): Promise<IndexedModel> {
  const name = modelOf(args, record);
  const dtype = weightsDtypeOf(args);
  const stored = await openModel(name, { onNotice, dtype, language: args.text("language") });
  const description = atResolution(stored, record.imageSize);
  const hashed = hashModel(name, { dtype }); // while weights are read
  hashed.catch(() => undefined); // told below, unless loading fails first
  const { engine, embedder } = await loadProved(description, {
    start: (refused) => startNamedEngine(args, refused),
    asked: (args.text("engine") ?? "auto") === "auto" ? undefined : "named",
    selfCheck: args.text("self-check") as SelfCheckWhen | undefined,
    precision: args.text("precision") as Precision | undefined,
    load: (model, { compiler }) => embedderOnDemand(model, compiler),
    seesNoPictures: !seesPictures,
    onNotice,
  });
  try {
    refuseOtherModel(record, { name, sha256: await hashed });
  } catch (error) {
    embedder.dispose();
    throw error;
  }
  const clip = await describedClip<Float32Array>(description, { embedder, preprocess: (planes) => planes });
  return {
    engine,
    texts: (texts) => clip.embedTexts(texts),
    picture: async (place) => (await clip.embedImages([await readImage(place, description, record.honourExif)])).values,
    dispose: () => clip.dispose(),
  };
}
