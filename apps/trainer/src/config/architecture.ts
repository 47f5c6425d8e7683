import { ClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { towerSchemas } from "./architecture-schema.ts";

type Side = "vision" | "text";
type Fields = Readonly<Record<string, unknown>>;

/** What a model's config says beside its towers and the space they share. */
type Said = "imageHead" | "textHead" | "initialLogitScale" | "initialLogitBias";

/** Fields of a model's config in the place of its own; which of them a tower has, its kind says. */
export type ArchitectureChanges = {
  readonly [Name in Said]?: ClipConfig[Name] | undefined;
} & { readonly [Tower in Side]?: Fields | undefined };

/** What users call the kinds of towers. */
const kindNames: Readonly<Record<string, string>> = {
  vit: "a vision transformer",
  resnet: "a ResNet",
  clip: "CLIP's text tower",
  roberta: "RoBERTa",
  siglip: "SigLIP's text tower",
};

/** Refuses what towers of another kind have. */
function checkKind(side: Side, kind: string, changes: Fields): void {
  const schema = towerSchemas[side][kind]!;
  const { error } = schema.safeParse(changes);
  if (error === undefined) return;
  const known = Object.keys(schema.shape).join(", ");
  const faults = error.issues.map((issue) =>
    issue.code === "unrecognized_keys"
      ? `${issue.keys.map((key) => `"${key}"`).join(", ")}: ${kindNames[kind]} has ${known}`
      : `"${issue.path.join(".")}": ${issue.message}`,
  );
  throw new ClipError(
    "bad-config",
    `"model.architecture.${side}" does not fit the tower, which is ${kindNames[kind]}. ${faults.join("; ")}.`,
    { data: { side, kind, changes } },
  );
}

/** The hidden layers of a tower that becomes wider widen with it, unless their length is said. */
function mlpOf(tower: Fields, { width, mlpWidth }: Fields): Fields {
  const isScaled = typeof width === "number" && mlpWidth === undefined && "mlpWidth" in tower;
  if (!isScaled) return {};
  const ratio = (tower["mlpWidth"] as number) / (tower["width"] as number);
  return { mlpWidth: Math.round(ratio * width) };
}

function changeTower<Tower extends ClipConfig[Side]>(
  side: Side,
  tower: Tower,
  changes: Fields = {},
): Tower {
  checkKind(side, tower.kind ?? (side === "vision" ? "vit" : "clip"), changes);
  return { ...tower, ...changes, ...mlpOf({ ...tower }, changes) };
}

/**
 * A config with some of its fields changed.
 * @throws ClipError "bad-config" for fields that towers of its kinds do not have.
 */
export function withArchitecture(base: ClipConfig, changes: ArchitectureChanges = {}): ClipConfig {
  const { vision, text, ...rest } = changes;
  return {
    ...base,
    ...(rest as Partial<ClipConfig>),
    vision: changeTower("vision", base.vision, vision),
    text: changeTower("text", base.text, text),
  };
}
