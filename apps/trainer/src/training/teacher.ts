import { ClipError } from "@clip-ts/base";
import type { Batch } from "@clip-ts/data";
import type { HostArrays } from "@clip-ts/jit";
import { describeModel, loadEmbedder, type Compiler, type ModelDescription } from "@clip-ts/node";
import type { RunConfig } from "../config/schema.ts";

/** A model whose matching a student learns to give as well. */
export interface Teacher {
  /** Its features of a batch and its scale, by the names that a step knows them. */
  readonly features: (batch: Batch) => Promise<HostArrays>;
  readonly dispose: () => void;
}

/** A teacher reads the student's batches, so both must read pixels and ids alike. */
function assertSameInputs(
  student: ModelDescription,
  teacher: ModelDescription,
  from: string,
): void {
  const sizes = ({ config }: ModelDescription): Record<string, number> => ({
    imageSize: config.vision.imageSize,
    vocabSize: config.text.vocabSize,
    contextLength: config.text.contextLength,
  });
  const [own, other] = [sizes(student), sizes(teacher)];
  const fits =
    own["imageSize"] === other["imageSize"] &&
    own["vocabSize"] === other["vocabSize"] &&
    (other["contextLength"] ?? 0) >= (own["contextLength"] ?? 0);
  if (fits) return;
  throw new ClipError(
    "bad-config",
    `"distill.from": a teacher must read what its student reads; ${from} has ${JSON.stringify(other)}, ` +
      `the student ${JSON.stringify(own)}.`,
    { data: { student: own, teacher: other } },
  );
}

/** Loads the teacher that a config names, if it names one. The caller disposes it. */
export async function openTeacher(
  { distill }: RunConfig,
  student: ModelDescription,
  compiler: Compiler | undefined,
): Promise<Teacher | undefined> {
  if (distill === undefined) return undefined;
  const description = await describeModel(distill.from);
  assertSameInputs(student, description, distill.from);
  const embedder = await loadEmbedder(
    distill.from,
    description.config,
    compiler === undefined ? {} : { compiler },
  );
  const dim = description.config.projectionDim;
  return {
    async features({ pixelValues, inputIds, batch, tokens }) {
      const images = await embedder.images(pixelValues, batch);
      const texts = await embedder.texts({ inputIds, batch, tokens });
      return {
        teacherImages: { data: images, shape: [batch, dim] },
        teacherTexts: { data: texts, shape: [batch, dim] },
        teacherScale: { data: Float32Array.of(Math.exp(embedder.logitScale)), shape: [] },
      };
    },
    dispose: () => embedder.dispose(),
  };
}
