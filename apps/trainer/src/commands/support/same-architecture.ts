import { ClipError } from "@clip-ts/base";
import { flattenTree, type ParamSpec } from "@clip-ts/core";
import { clipSpec, type ClipConfig } from "@clip-ts/model";

/** A model and the name that messages give it. */
interface NamedModel {
  readonly name: string;
  readonly config: ClipConfig;
}

/** What two towers must share for the values between theirs to mean anything, shapes apart. */
const towerKeys = [
  "kind",
  "layers",
  "width",
  "heads",
  "mlpWidth",
  "activation",
  "pooling",
  "preNorm",
  "imageSize",
  "patchSize",
  "contextLength",
  "vocabSize",
] as const;

type Facts = Readonly<Record<string, unknown>>;

/** What configs may leave out. */
const defaults: Readonly<Record<"vision" | "text", Facts>> = {
  vision: { kind: "vit", pooling: "class", preNorm: true },
  text: { kind: "clip", pooling: "end" },
};

/** A value without the quotation marks of words. */
const shown = (value: unknown): string => JSON.stringify(value ?? "none").replaceAll('"', "");

/** "vision.width (512 and 768)" for a key in which two parts of models differ. */
function difference(label: string, key: string, [first, second]: readonly Facts[]): string[] {
  const [a, b] = [first, second].map((facts) => shown(facts?.[key]));
  return a === b ? [] : [`${label}${key} (${a} and ${b})`];
}

/** Where two towers differ; those of two kinds in that alone. */
function towerDifferences(side: "vision" | "text", models: readonly ClipConfig[]): string[] {
  const facts = models.map((config): Facts => ({ ...defaults[side], ...config[side] }));
  const kind = difference(`${side}.`, "kind", facts);
  return kind.length > 0 ? kind : towerKeys.flatMap((key) => difference(`${side}.`, key, facts));
}

/** Where two configs differ. */
function configDifferences(models: readonly ClipConfig[]): string[] {
  return [
    ...towerDifferences("vision", models),
    ...towerDifferences("text", models),
    ...difference("", "projectionDim", models as readonly object[] as readonly Facts[]),
  ];
}

/** Parameters with their shapes, as text. */
function shapesOf(config: ClipConfig): readonly string[] {
  const parameters = Object.entries(flattenTree<ParamSpec>(clipSpec(config)));
  return parameters.map(([path, { shape }]) => `${path} [${shape.join(", ")}]`);
}

/** Parameters that only one of two models has, where the keys of their configs tell nothing. */
function parameterDifferences(models: readonly ClipConfig[]): string[] {
  const [first = [], second = []] = models.map(shapesOf);
  const [inFirst, inSecond] = [new Set(first), new Set(second)];
  return [
    ...first.filter((line) => !inSecond.has(line)),
    ...second.filter((line) => !inFirst.has(line)),
  ];
}

const most = 4;

/** @throws ClipError "bad-argument" that names two models and what differs, unless they are built alike. */
export function checkSameArchitecture(first: NamedModel, second: NamedModel): void {
  const models = [first.config, second.config];
  const inConfigs = configDifferences(models);
  const found = inConfigs.length > 0 ? inConfigs : parameterDifferences(models);
  if (found.length === 0) return;
  const rest = found.length > most ? ` and ${found.length - most} more` : "";
  throw new ClipError(
    "bad-argument",
    `Only models of one architecture can be interpolated, and ${first.name} and ${second.name} differ in ` +
      `${found.slice(0, most).join(", ")}${rest}.`,
    { data: { differences: found } },
  );
}
