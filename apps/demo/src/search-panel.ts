import type { ClipClient, Progress, RankedEmoji } from "./client.ts";
import { create, element, formatDuration, latest, showFact } from "./page.ts";

/** How many drawings are shown. */
const count = 24;

function showMatches(matches: readonly RankedEmoji[], folderUrl: string): void {
  const items = matches.map(({ file, label, similarity }) =>
    create(
      "li",
      {},
      create("img", { src: folderUrl + file, alt: "", loading: "lazy" }),
      create("span", { textContent: label }),
      create("data", { value: String(similarity), textContent: similarity.toFixed(3) }),
    ),
  );
  element("matches").replaceChildren(...items);
}

/** Joins the panel that ranks the emoji for a query to the worker. */
export function createSearchPanel(
  client: ClipClient,
  folderUrl: string,
): {
  /** Shows how many drawings can be found by now, and ranks again among them. */
  showProgress(progress: Progress): void;
  /** Says why there is nothing to search. */
  showError(error: unknown): void;
} {
  const query = element<HTMLInputElement>("query");
  const progressBar = element<HTMLProgressElement>("collection-progress");
  const status = element("search-status");

  const showError = (error: unknown): void => {
    status.textContent = error instanceof Error ? error.message : String(error);
    element("collecting").hidden = true;
  };
  const refresh = latest(async () => {
    const text = query.value.trim();
    if (text === "") return showMatches([], folderUrl);
    const startedAt = performance.now();
    showMatches(await client.call("rank", { query: text, count }), folderUrl);
    showFact("Last query", formatDuration(performance.now() - startedAt));
  }, showError);

  query.addEventListener("input", () => void refresh());
  element("query-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void refresh();
  });

  return {
    showError,
    showProgress({ done, total }) {
      progressBar.max = total;
      progressBar.value = done;
      element("collecting").hidden = done === total;
      if (done === total) status.textContent = `Compared with ${total} emoji; the number is the cosine.`;
      void refresh();
    },
  };
}
