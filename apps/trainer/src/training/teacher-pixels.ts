import { ClipError } from "@clip-ts/base";
import type { PreprocessConfig } from "@clip-ts/image";
import type { ModelDescription } from "@clip-ts/inference";

/** Turns a student's pixels [rows, 3, size, size] into its teacher's. May return what it is given. */
export type TeacherPixels = (pixels: Float32Array) => Float32Array;

/** Who teaches, and how images are changed at random; nothing by default. */
export interface TeacherPixelsOptions {
  readonly distill: { readonly from: string };
  readonly data: { readonly augment?: object | undefined; readonly view?: object | undefined };
}

type Described = Pick<ModelDescription, "config" | "preprocess">;

/** What both must agree on; random crops leave nothing of how a whole image is made to fit. */
function framingOf(
  { config, preprocess }: Described,
  { augment, view }: TeacherPixelsOptions["data"],
): Record<string, unknown> {
  const { resize, interpolation } = preprocess;
  const isRandom = augment !== undefined || view !== undefined;
  return { imageSize: config.vision.imageSize, ...(isRandom ? {} : { resize, interpolation }) };
}

function assertSameFraming(
  { distill, data }: TeacherPixelsOptions,
  student: Described,
  teacher: Described,
): void {
  const [own, other] = [framingOf(student, data), framingOf(teacher, data)];
  if (JSON.stringify(own) === JSON.stringify(other)) return;
  throw new ClipError(
    "bad-config",
    `"distill.from": a teacher must see the pixels that its student sees; ${distill?.from} ` +
      `takes ${JSON.stringify(other)}, the student ${JSON.stringify(own)}. Take a teacher of the same ` +
      "image size; where only the resize differs, data.augment or data.view makes one crop for both.",
    { data: { student: own, teacher: other } },
  );
}

/** (value · std + mean - mean') / std' for each plane, as one factor and one summand. */
function renormalize(
  pixels: Float32Array,
  from: PreprocessConfig,
  to: PreprocessConfig,
): Float32Array {
  const area = to.size * to.size;
  const factors = from.std.map((std, channel) => std / (to.std[channel] as number));
  const summands = from.mean.map(
    (mean, channel) => (mean - (to.mean[channel] as number)) / (to.std[channel] as number),
  );
  return pixels.map((value, index) => {
    const channel = Math.floor(index / area) % 3;
    return value * (factors[channel] as number) + (summands[channel] as number);
  });
}

/**
 * How a teacher's pixels come from its student's: the same picture under the teacher's own
 * normalisation. @throws ClipError "bad-config" if their pictures are not framed alike.
 */
export function teacherPixels(
  options: TeacherPixelsOptions,
  student: Described,
  teacher: Described,
): TeacherPixels {
  assertSameFraming(options, student, teacher);
  const [from, to] = [student.preprocess, teacher.preprocess];
  const isSame = [0, 1, 2].every(
    (channel) => from.mean[channel] === to.mean[channel] && from.std[channel] === to.std[channel],
  );
  return isSame ? (pixels) => pixels : (pixels) => renormalize(pixels, from, to);
}
