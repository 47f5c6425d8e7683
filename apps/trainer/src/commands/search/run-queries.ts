import { isClipError } from "@clip-ts/base";
import type { Arguments } from "../../cli/command.ts";
import { readLines } from "../../cli/lines.ts";
import { keepingStdout, note, writeStdout } from "../../cli/output.ts";
import { answerQuery, refuseEmpty } from "./answer.ts";
import { filterOf } from "./filters.ts";
import { withSearch } from "./open-search.ts";
import type { SearchWords } from "./request.ts";
import { answerJson } from "./results.ts";
import { counted } from "./show.ts";

/** Answers one query a line by one line of JSON, as they come. @returns the exit code: 1 if a line had no answer. */
export async function runQueries(args: Arguments, asked: SearchWords): Promise<number> {
  let [lines, failed] = [0, 0];
  await keepingStdout(() =>
    withSearch(args, asked.index, async (search) => {
      await refuseEmpty(search);
      await search.ready();
      const filter = await filterOf(search.index, asked);
      const answer = async (line: string): Promise<object> => {
        try {
          return answerJson(await answerQuery(search, [line], { filter, asked }));
        } catch (error) {
          if (!isClipError(error)) throw error;
          failed++;
          return { query: { text: line }, error: error.message };
        }
      };
      for await (const line of readLines(args.text("queries") ?? "-")) {
        lines++;
        await writeStdout(`${JSON.stringify(await answer(line))}\n`);
      }
    }),
  );
  if (failed > 0) note(`${failed} of ${counted(lines, "line")} could not be answered: there, error says why.`);
  return failed === 0 ? 0 : 1;
}
