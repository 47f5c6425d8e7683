import { percent } from "./text.ts";

/** How numbers that evaluation reports are read and shown, by the end of their names; all others are shares. */
const kinds: readonly { readonly end: RegExp; readonly shown: (value: number) => string }[] = [
  { end: /Rank$/u, shown: String },
  { end: /loss$/u, shown: (value) => value.toFixed(4) },
];

const kindOf = (metric: string) => kinds.find(({ end }) => end.test(metric));

/** Whether a number is better the lower it is: ranks and losses are. */
export const isLowerBetter = (metric: string): boolean => kindOf(metric) !== undefined;

/** A number as people read it. */
export const shownMetric = (metric: string, value: number): string => (kindOf(metric)?.shown ?? percent)(value);
