import { chooseCaption, evenPositions, readTexts, walkSamples, type BytesPlace, type Sample } from "@clip-ts/data";
import { createRangeReader } from "@clip-ts/node";
import { randomStream } from "@clip-ts/base";
import type { Picture } from "../../pages/page.ts";
import { thumbnail } from "../shared/thumbnails.ts";
import type { OpenData } from "./open-data.ts";

/** Samples on the sheet. */
const most = 24;

/** Samples from all over the set, with their captions; those that cannot be read say why. */
export async function contactSheet({ set, captions }: OpenData): Promise<readonly Picture[]> {
  const samples = set.groups.flatMap(({ shards }) => shards).reduce((sum, shard) => sum + shard.samples, 0);
  const reader = createRangeReader();
  const read = async (place: BytesPlace): Promise<Uint8Array> => ("bytes" in place ? place.bytes : reader.read(place));
  const picture = async ({ key, image, texts }: Sample): Promise<Picture> => {
    const said = await readTexts(texts, read).catch(() => ({}));
    const text = chooseCaption(said, captions, randomStream(0)) ?? "(no caption)";
    if ("reason" in image) return { label: key, text: image.reason };
    try {
      return { label: key, text, source: await thumbnail(await read(image), key) };
    } catch (error) {
      return { label: key, text: error instanceof Error ? error.message : String(error) };
    }
  };
  const pictures: Picture[] = [];
  for await (const each of walkSamples(set, picture, { positions: evenPositions(samples, most) })) pictures.push(each);
  reader.close();
  return pictures;
}
