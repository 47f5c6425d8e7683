import { isClipError } from "@clip-ts/base";

/** The element of `index.html` with this id. */
export function element<Kind extends HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`index.html has no element #${id}.`);
  return found as Kind;
}

/** A new element with properties and children. */
export function create<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const facts = new Map<string, string>();

/** Writes a fact at the foot of the page, in place of an earlier one of the same name. */
export function showFact(name: string, value: string): void {
  facts.set(name, value);
  element("facts").replaceChildren(
    ...[...facts].map(([term, text]) =>
      create("div", {}, create("dt", { textContent: term }), create("dd", { textContent: text })),
    ),
  );
}

/** Milliseconds as people read them. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function advice(error: unknown): (Node | string)[] {
  if (!isClipError(error) || error.code !== "not-found") return ["The model could not be opened."];
  return [
    "There is no trained model to show yet. Run ",
    create("code", { textContent: "npm run quickstart" }),
    " first, or start the demo with ",
    create("code", { textContent: "CLIP_MODEL=path/to/model" }),
    ". Then reload this page.",
  ];
}

/** Says at the top of the page why there is no model. */
export function showModelError(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  const notice = element("notice");
  notice.replaceChildren(create("p", {}, ...advice(error)), create("small", { textContent: reason }));
  notice.hidden = false;
}

/**
 * Runs a task again whenever it is asked for, one run at a time: what is asked for meanwhile waits, and
 * only the last of it runs. So results never arrive in the wrong order, and none is computed in vain.
 */
export function latest(task: () => Promise<void>, onError: (error: unknown) => void): () => Promise<void> {
  let running: Promise<void> | undefined;
  let askedAgain = false;
  const run = async (): Promise<void> => {
    do {
      askedAgain = false;
      await task().catch(onError);
    } while (askedAgain);
    running = undefined;
  };
  return () => {
    askedAgain = running !== undefined;
    return (running ??= run());
  };
}
