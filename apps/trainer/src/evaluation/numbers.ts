import type { RetrievalResult, ZeroShotResult } from "@clip-ts/evaluation";

/** Numbers by name, such as `retrieval.meanRecallAt1`; those of the moving average begin with `ema.`. */
export type Evaluation = Readonly<Record<string, number>>;

const recalls = ["recallAt1", "recallAt5", "recallAt10", "medianRank"] as const;
const directions = ["imageToText", "textToImage"] as const;
const accuracies = ["top1", "top5", "meanPerClass"] as const;

const bothWays = directions.flatMap((way) => recalls.map((name) => [way, name] as const));

/** What `retrievalNumbers` reports. */
export const retrievalNames: readonly string[] = [
  ...bothWays.map(([way, name]) => `retrieval.${way}.${name}`),
  "retrieval.meanRecallAt1",
];

/** What `zeroShotNumbers` reports. */
export const zeroShotNames: readonly string[] = accuracies.map((name) => `zeroShot.${name}`);

/** The numbers of a search to follow. */
export function retrievalNumbers({
  report,
  meanRecallAt1,
}: Pick<RetrievalResult, "report" | "meanRecallAt1">): Evaluation {
  const scores = bothWays.map(([way, name]) => [`retrieval.${way}.${name}`, report[way][name]]);
  return { ...Object.fromEntries(scores), "retrieval.meanRecallAt1": meanRecallAt1 };
}

/** The numbers of a zero-shot classification to follow. */
export function zeroShotNumbers({ scores }: Pick<ZeroShotResult, "scores">): Evaluation {
  return Object.fromEntries(accuracies.map((name) => [`zeroShot.${name}`, scores[name]]));
}
