import type { Batch } from "@clip-ts/data";
import type { HostArrays } from "@clip-ts/core";
import type { Embedder } from "@clip-ts/model";
import type { Compiler } from "@clip-ts/engines";
import { loadEmbedder, type ModelDescription } from "@clip-ts/inference";
import { rowRanges } from "@clip-ts/training";
import { openModel } from "@clip-ts/node";
import { closing } from "@clip-ts/inference";
import { onNotice } from "../cli/notice.ts";
import { teacherPixels, type TeacherPixels, type TeacherPixelsOptions } from "./teacher-pixels.ts";
import { teacherTexts, type TeacherTexts, type TeacherTextsOptions } from "./teacher-texts.ts";

/** A model whose matching a student learns to give as well. */
export interface Teacher {
  /** Its features of a batch and its scale, by the names that a step knows them. */
  readonly features: (batch: Batch) => Promise<HostArrays>;
  readonly dispose: () => void;
}

/** Which model teaches, and what it is shown. */
export interface TeacherOptions extends TeacherPixelsOptions, TeacherTextsOptions {
  readonly distill: { readonly from: string };
  readonly data: TeacherPixelsOptions["data"] & TeacherTextsOptions["data"];
  /** Micro-batches that it computes at a time: the student's. */
  readonly parts: number;
}

/** What a teacher is asked with. */
interface TeacherParts {
  readonly embedder: Embedder;
  /** Length of its features. */
  readonly dim: number;
  readonly toPixels: TeacherPixels;
  readonly toTexts: TeacherTexts;
  /** Micro-batches: as many as the student's, so that the teacher takes no more memory at a time. */
  readonly parts: number;
}

/** Features of all pairs of a batch, computed a micro-batch at a time. */
async function featuresOf(teacher: TeacherParts, batch: Batch): Promise<HostArrays> {
  const { embedder, dim, toPixels, toTexts, parts } = teacher;
  const rows = batch.batch;
  const pixelCount = batch.pixelValues.length / rows;
  const { inputIds, tokens } = toTexts(batch);
  const [images, texts] = [new Float32Array(rows * dim), new Float32Array(rows * dim)];
  for (const { start, end } of rowRanges(rows, parts)) {
    const pixels = toPixels(batch.pixelValues.subarray(start * pixelCount, end * pixelCount));
    images.set(await embedder.images(pixels, end - start), start * dim);
    const ids = inputIds.subarray(start * tokens, end * tokens);
    texts.set(await embedder.texts({ inputIds: ids, batch: end - start, tokens }), start * dim);
  }
  return {
    teacherImages: { data: images, shape: [rows, dim] },
    teacherTexts: { data: texts, shape: [rows, dim] },
    teacherScale: { data: Float32Array.of(Math.exp(embedder.logitScale)), shape: [] },
  };
}

/**
 * Loads a teacher. The caller disposes it.
 * @throws ClipError "bad-config" if it cannot be shown what its student is shown.
 */
export async function openTeacher(
  options: TeacherOptions,
  student: ModelDescription,
  compiler: Compiler | undefined,
): Promise<Teacher> {
  const { distill, parts } = options;
  const model = await openModel(distill.from, { onNotice });
  const toPixels = teacherPixels(options, student, model);
  const toTexts = teacherTexts(options, student, model);
  const embedder = await closing(model, () => loadEmbedder(model, compiler));
  const dim = model.config.projectionDim;
  const teacher = { embedder, dim, toPixels, toTexts, parts };
  return { features: (batch) => featuresOf(teacher, batch), dispose: () => embedder.dispose() };
}
