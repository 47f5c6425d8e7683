import type { Arguments } from "../../cli/command.ts";
import { answerQuery, refuseEmpty } from "./answer.ts";
import { filterOf } from "./filters.ts";
import { withSearch } from "./open-search.ts";
import type { SearchWords } from "./request.ts";
import { answerJson, writeJson } from "./results.ts";
import { showAnswer } from "./show.ts";

/** Answers one query: a table, and the files that were asked for. */
export async function runQuery(args: Arguments, asked: SearchWords): Promise<void> {
  await withSearch(args, asked.index, async (search) => {
    await refuseEmpty(search);
    const filter = await filterOf(search.index, asked);
    const answer = await answerQuery(search, asked.words, { filter, asked });
    await writeJson(args, search, answerJson(answer));
    const page = args.text("html");
    const { showsAll } = asked;
    if (page !== undefined) {
      await (await import("./write-page.ts")).writeAnswerPage(page, search.index, { answer, showsAll });
    }
    showAnswer(answer, search.index.record.sources, showsAll);
  });
}
