import { setMaxListeners } from "node:events";
import { answerOf, blaming, type ErrorBody } from "./refusals.ts";

/** What became of one of several items. */
export type Outcome<Result> = { readonly result: Result } | { readonly error: ErrorBody["error"] };

/** How several items are worked on. */
export interface EachOptions<Item, Result> {
  /** Whether one that fails leaves the others their answers. */
  readonly isPartial: boolean;
  /** The field of the body that holds an item. */
  readonly placeOf: (index: number) => string;
  readonly run: (item: Item, signal: AbortSignal) => Promise<Result>;
}

/**
 * Works on all items at once. Of one that the client is to blame for the error takes the place in a partial answer; else the
 * first that fails ends the work on all, and its error names the field.
 */
export async function workOnEach<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  { isPartial, placeOf, run }: EachOptions<Item, Result>,
): Promise<Outcome<Result>[]> {
  const control = new AbortController();
  setMaxListeners(0, control.signal); // one for each item
  const onAbort = (): void => control.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.all(
      items.map(async (item, index): Promise<Outcome<Result>> => {
        try {
          return { result: await run(item, control.signal) };
        } catch (error) {
          const blamed = blaming(error, placeOf(index));
          const { status, body } = answerOf(blamed);
          if (isPartial && status === 400) return { error: body.error };
          throw blamed;
        }
      }),
    );
  } catch (error) {
    control.abort(error); // the others need not go on
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
