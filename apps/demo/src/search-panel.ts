import type { ClipClient, FoundEmoji, Progress, RankedEmoji } from "./client.ts";
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

/** Joins the panel that finds the emoji for a query to the worker. */
export function createSearchPanel(
  client: ClipClient,
  folderUrl: string,
): {
  /** Shows how many drawings can be found by now, and searches again among them. */
  showProgress(progress: Progress): void;
  /** Says why there is nothing to search. */
  showError(error: unknown): void;
} {
  const query = element<HTMLInputElement>("query");
  const progressBar = element<HTMLProgressElement>("collection-progress");
  const status = element("search-status");
  const all = element<HTMLInputElement>("show-all");
  const nothing = element("nothing-fits");
  let settled = "";

  const showError = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    status.textContent = message.split("\n", 1).join(""); // the lines below mark a place, for terminals
    element("collecting").hidden = true;
  };
  const show = ({ matches, fits }: FoundEmoji): void => {
    showMatches(matches, folderUrl);
    nothing.hidden = fits;
    status.textContent = settled;
  };
  const refresh = latest(async () => {
    const text = query.value.trim();
    if (text === "") return show({ matches: [], fits: true });
    const startedAt = performance.now();
    show(await client.call("search", { query: text, count, showsAll: all.checked }));
    showFact("Last query", formatDuration(performance.now() - startedAt));
  }, showError);

  all.addEventListener("change", () => void refresh());
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
      if (done === total) {
        settled = `Compared with ${total} emoji; the number is the cosine.`;
        status.textContent = settled;
      }
      void refresh();
    },
  };
}
