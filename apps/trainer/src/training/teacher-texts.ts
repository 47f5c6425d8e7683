import { isDeepStrictEqual } from "node:util";
import { ClipError } from "@clip-ts/base";
import type { Batch } from "@clip-ts/data";
import type { TokenizedTexts } from "@clip-ts/model";
import { needTokenizer, type ModelDescription } from "@clip-ts/inference";
import { textTower } from "@clip-ts/text-encoder";
import { readsPadding } from "@clip-ts/tokenizer";
import type { TrainingDataOptions } from "../config/batches.ts";

/** What a teacher reads of a batch. */
export type TeacherTexts = (batch: Batch) => TokenizedTexts;

/** Who teaches, and what is read of the data. */
export interface TeacherTextsOptions {
  readonly distill: { readonly from: string };
  readonly data: Pick<TrainingDataOptions, "train" | "bucketMultiple">;
}

type Described = Pick<ModelDescription, "config" | "tokenizer">;

/** A tokenizer's files, but for how rows are cut and filled up. */
function vocabularyOf(tokenizer: NonNullable<Described["tokenizer"]>): Record<string, unknown> {
  const { "tokenizer_config.json": _, ...files } = tokenizer.files();
  const whole = files["tokenizer.json"];
  if (typeof whole !== "object") return files;
  return { ...files, "tokenizer.json": { ...whole, truncation: null, padding: null } };
}

/** The ids that a text tower knows by their meaning. */
function idsOf({ config: { text } }: Described): Record<string, unknown> {
  const { kind = "clip", vocabSize, endTokenId } = text;
  const masks = textTower(text).readsMask ? { padTokenId: text.padTokenId } : {};
  return { kind, vocabSize, endTokenId, ...masks };
}

/** Ids mean the same to both. Where neither has a tokenizer, their sizes must speak for them. */
function assertSameVocabulary(
  place: string | undefined,
  student: Described,
  teacher: Described,
): void {
  const [own, other] = [idsOf(student), idsOf(teacher)];
  const [ownFiles, otherFiles] = [student, teacher].map(({ tokenizer }) =>
    tokenizer === undefined ? undefined : vocabularyOf(tokenizer),
  );
  if (isDeepStrictEqual(own, other) && isDeepStrictEqual(ownFiles, otherFiles)) return;
  throw new ClipError(
    "bad-config",
    `"distill.from": stored ids mean the same only to models with one tokenizer; ` +
      `${place} has ${JSON.stringify(other)}, the student ${JSON.stringify(own)}` +
      `${isDeepStrictEqual(own, other) ? ", but another tokenizer.json" : ""}. Train on captions ` +
      "instead of tensors: each model then reads them with its own tokenizer.",
    { data: { student: own, teacher: other } },
  );
}

function assertWholeRows(place: string | undefined, tokens: number, contextLength: number): void {
  if (tokens === contextLength) return;
  throw new ClipError(
    "bad-shape",
    `"distill.from": ${place} reads padding, so its rows must have all ` +
      `${contextLength} ids; the stored ids have ${tokens}. Store them padded to ${contextLength}, or ` +
      "train on captions.",
    { data: { tokens, contextLength } },
  );
}

/**
 * How a teacher reads a batch: the captions with its own tokenizer, padded as that pads; where the data
 * is tensors, the student's ids.
 * @throws ClipError "bad-config" if those ids are not the teacher's, "unsupported" without a tokenizer.
 */
export function teacherTexts(
  { distill, data }: TeacherTextsOptions,
  student: Described,
  teacher: ModelDescription,
): TeacherTexts {
  const { train, bucketMultiple } = data;
  if (train.kind !== "tensors") {
    const tokenizer = needTokenizer(teacher);
    return ({ captions }) => tokenizer.encodeBatch(captions, { multiple: bucketMultiple });
  }
  assertSameVocabulary(distill?.from, student, teacher);
  const isWhole = readsPadding(teacher.config.text);
  return ({ inputIds, batch, tokens }) => {
    if (isWhole) assertWholeRows(distill?.from, tokens, teacher.config.text.contextLength);
    return { inputIds, batch, tokens };
  };
}
