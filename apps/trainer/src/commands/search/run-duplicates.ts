import { openPictureIndex, type PictureIndex } from "@clip-ts/picture-index";
import { nearDuplicates, type DuplicateGroup } from "@clip-ts/search";
import type { Arguments } from "../../cli/command.ts";
import { counter, note, print } from "../../cli/output.ts";
import { table, terminalColumns, wrap } from "../../cli/text.ts";
import { bytesOf, dayOf, sizeOf } from "./facts.ts";
import { shorten, shownPaths } from "./paths.ts";
import type { SearchWords } from "./request.ts";
import { writeJson } from "./results.ts";
import { counted } from "./show.ts";
import type { ShownGroup } from "./write-page.ts";

/** What the index knows of each picture of a group. */
async function withFields({ vectors }: PictureIndex, group: DuplicateGroup): Promise<ShownGroup> {
  const rows = await vectors.get(group.ids);
  return { ...group, pictures: rows.map(({ id, fields }) => ({ id, fields })) };
}

/** Groups as a table that is no wider than a terminal. */
function groupTable(groups: readonly ShownGroup[], names: readonly string[]): string {
  const header = ["group", "cosine", "picture", "pixels", "size", "date"];
  const pictures = groups.flatMap((group, at) => group.pictures.map((picture, nth) => ({ group, at, nth, picture })));
  const cells = pictures.map(({ group, at, nth, picture: { fields } }) => [
    ...(nth === 0 ? [String(at + 1), group.similarity.toFixed(4)] : ["", ""]),
    "",
    sizeOf(fields),
    bytesOf(fields),
    dayOf(fields["date"]),
  ]);
  const others = [header.with(2, ""), ...cells];
  const widest = header.map((_, column) => Math.max(...others.map((row) => row[column]?.length ?? 0)));
  const room = terminalColumns - widest.reduce((sum, width) => sum + width, 0) - 2 * (header.length - 1);
  return table([header, ...cells.map((row, at) => row.with(2, shorten(names[at] ?? "", room)))], [2]);
}

/** Lists pictures that are nearly the same, groups of most first. */
export async function runDuplicates(args: Arguments, { index: folder, similarity, count }: SearchWords): Promise<void> {
  const index = await openPictureIndex(folder);
  try {
    const pictures = await index.vectors.count();
    const onProgress = counter("pictures compared", pictures);
    const all = await nearDuplicates(index.vectors, { similarity, onProgress });
    const groups: ShownGroup[] = [];
    for (const group of all.slice(0, count)) groups.push(await withFields(index, group));
    const more = all.length - groups.length;
    const among = `${counted(pictures, "picture")}: a cosine of ${similarity} or more`;
    const summary =
      all.length === 0
        ? `No two are alike among ${among}.`
        : `${counted(all.length, "group")} of pictures that are alike among ${among}` +
          (more === 0 ? "." : `; ${more} of them are not shown.`);
    await writeJson(
      args,
      { index, engine: () => undefined },
      { similarity, total: all.length, groups: groups.map(toJson) },
    );
    const page = args.text("html");
    if (page !== undefined) {
      await (await import("./write-page.ts")).writeDuplicatesPage(page, index, { groups, summary });
    }
    if (all.length === 0) return void print(summary);
    note(wrap(summary, terminalColumns).join("\n"));
    const shown = shownPaths(
      groups.flatMap(({ ids }) => ids),
      index.record.sources,
    );
    if (shown.below !== undefined) note(`Pictures lie below ${shown.below}`);
    print(groupTable(groups, shown.names));
  } finally {
    await index.close();
  }
}

const toJson = ({ similarity, pictures }: ShownGroup): object => ({ similarity, pictures });
