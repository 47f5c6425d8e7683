import { randomStream } from "@clip-ts/base";
import { chooseCaption, readTexts, type BytesPlace, type CaptionChoice, type Sample, type Texts } from "@clip-ts/data";
import { createRangeReader } from "../decode-pool/read-range.ts";
import { makeImage, type ImageForm, type MadeImage } from "./make-image.ts";

/** A sample as it is written, but for its key. */
export interface MadeSample {
  readonly image: MadeImage;
  /** Files beside the image, by their endings. */
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly texts: Texts;
  readonly caption: string | undefined;
}

/** Why there is none. */
export interface BrokenSample {
  readonly reason: string;
}

/** Makes samples as they are written. */
export interface SampleMaker {
  make(sample: Sample): Promise<MadeSample | BrokenSample>;
  close(): void;
}

/** Files as they are; texts of rows as `txt`, and where there are several, all of them as `json`. */
function filesOf(texts: Texts, caption: string | undefined): Record<string, string> {
  const isAlone = Object.keys(texts).every((name) => texts[name] === caption);
  return { ...(caption !== undefined && { txt: caption }), ...(!isAlone && { json: JSON.stringify(texts) }) };
}

/**
 * Why a sample cannot be made, without the decoder's own words: libvips' threads share them, so that they would not be
 * the same each time, and neither would the files that hold them.
 */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/(?<= is not a readable image): .*$/s, "");
}

/** Makes images of a form, and finds captions by their names; the first usual one by default. */
export function createSampleMaker(form: ImageForm, captions: CaptionChoice | undefined): SampleMaker {
  const reader = createRangeReader();
  const read = async (place: BytesPlace): Promise<Uint8Array> => ("bytes" in place ? place.bytes : reader.read(place));
  const made = async ({ key, image, texts: place }: Sample): Promise<MadeSample | BrokenSample> => {
    if ("reason" in image) return image;
    const beside: Record<string, Uint8Array> = {};
    const bytesOf = new Map<BytesPlace, Uint8Array>();
    if ("files" in place) {
      for (const { ending, place: where } of place.files) {
        beside[ending] = await read(where);
        bytesOf.set(where, beside[ending]);
      }
    }
    const texts = await readTexts(place, async (where) => bytesOf.get(where) ?? read(where));
    const caption = chooseCaption(texts, captions, randomStream(0));
    const files = "files" in place ? beside : filesOf(texts, caption);
    return { image: await makeImage(await read(image), key, form), files, texts, caption };
  };
  return {
    make: (sample) => made(sample).catch((error: unknown) => ({ reason: reasonOf(error) })),
    close: reader.close,
  };
}
