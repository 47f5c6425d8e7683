import { pathToFileURL } from "node:url";
import { isAbsolute } from "node:path";
import type { PictureIndex } from "@clip-ts/picture-index";
import type { DuplicateGroup, Fields } from "@clip-ts/search";
import { reportPage, type Picture, type Section } from "../../pages/page.ts";
import { writeOutput } from "../shared/output-files.ts";
import { thumbnail } from "../shared/thumbnails.ts";
import type { Answer } from "./answer.ts";
import { bytesOf, dayOf, sizeOf } from "./facts.ts";
import { shownPaths } from "./paths.ts";
import { openPictureReader, type PictureReader } from "./picture-reader.ts";
import { counted, shownHits, summaryOf } from "./show.ts";

/** A picture to be shown, and what is said of it. */
interface Shown {
  readonly id: string;
  readonly name: string;
  readonly said: readonly string[];
}

/** Where a browser opens a picture; undefined for a sample of a shard. */
const addressOf = ({ id }: Shown): string | undefined =>
  isAbsolute(id) && !id.includes("#") ? pathToFileURL(id).href : undefined;

async function drawn(shown: Shown, reader: PictureReader, honourExif: boolean): Promise<Picture> {
  const { id, name, said } = shown;
  const about = { label: said.filter((each) => each !== "").join(" · ") };
  try {
    const source = await thumbnail(await reader.read(id), name, { honourExif });
    const address = addressOf(shown);
    return { ...about, text: name, source, ...(address !== undefined && { address }) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...about, text: `${name}: ${reason}` };
  }
}

const factsOf = (fields: Fields): readonly string[] => [dayOf(fields["date"]), String(fields["label"] ?? "")];

/** Draws one picture after another, so that no more than one is in memory decoded. */
async function drawAll(pictures: readonly Shown[], { record }: PictureIndex): Promise<Picture[]> {
  const reader = await openPictureReader(
    pictures.map(({ id }) => id),
    record,
  );
  try {
    const all: Picture[] = [];
    for (const each of pictures) all.push(await drawn(each, reader, record.honourExif));
    return all;
  } finally {
    await reader.close();
  }
}

const footerOf = ({ folder, record }: PictureIndex): string => `Index ${folder}, model ${record.model.name}`;

/** What a query found, as a page that needs no other file. */
export async function writeAnswerPage(
  path: string,
  index: PictureIndex,
  { answer, showsAll }: { readonly answer: Answer; readonly showsAll: boolean },
): Promise<void> {
  const hits = shownHits(answer);
  const { names } = shownPaths(
    hits.map(({ id }) => id),
    index.record.sources,
  );
  const shown = hits.map(({ id, similarity, fields }, at): Shown => {
    const fits = answer.cutoff === undefined || similarity >= answer.cutoff;
    const cosine = `${similarity.toFixed(4)}${fits ? "" : " (does not fit)"}`;
    return { id, name: names[at] ?? id, said: [`${at + 1}`, cosine, ...factsOf(fields)] };
  });
  const pictures = await drawAll(shown, index);
  const section: Section = { title: counted(pictures.length, "picture"), text: summaryOf(answer, showsAll), pictures };
  await writeOutput(path, reportPage(answer.text, [section], footerOf(index)));
}

/** A group of pictures that are nearly the same, and what the index knows of each. */
export interface ShownGroup extends DuplicateGroup {
  readonly pictures: readonly { readonly id: string; readonly fields: Fields }[];
}

/** Groups of nearly equal pictures as a page, with sizes, so that one can choose which to keep. */
export async function writeDuplicatesPage(
  path: string,
  index: PictureIndex,
  { groups, summary }: { readonly groups: readonly ShownGroup[]; readonly summary: string },
): Promise<void> {
  const { names } = shownPaths(
    groups.flatMap(({ ids }) => ids),
    index.record.sources,
  );
  let next = 0;
  const sections: Section[] = [{ title: counted(groups.length, "group"), text: summary }];
  for (const [at, { pictures, similarity }] of groups.entries()) {
    const shown = pictures.map(({ id, fields }): Shown => {
      return { id, name: names[next++] ?? id, said: [sizeOf(fields), bytesOf(fields), ...factsOf(fields)] };
    });
    const title = `${at + 1}. ${counted(pictures.length, "picture")}, cosine ${similarity.toFixed(4)}`;
    sections.push({ title, pictures: await drawAll(shown, index) });
  }
  await writeOutput(path, reportPage("Pictures that are nearly the same", sections, footerOf(index)));
}
