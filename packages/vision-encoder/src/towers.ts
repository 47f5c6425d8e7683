import { ClipError, shown } from "@clip-ts/base";
import type { VisionConfig } from "./config.ts";
import { resnet } from "./resnet/tower.ts";
import type { VisionTower } from "./vision-tower.ts";
import { vit } from "./vit/tower.ts";

/** Names of the kinds of vision towers. */
export type VisionKind = NonNullable<VisionConfig["kind"]>;

/** The configs of one kind of vision tower. */
export type VisionConfigOf<Kind extends VisionKind> = Extract<
  VisionConfig,
  { readonly kind?: Kind }
>;

/** Every kind of vision tower. */
export const visionTowers: {
  readonly [Kind in VisionKind]: VisionTower<VisionConfigOf<Kind>, never>;
} = { vit, resnet };

/** The kind of a config; one that says none is a vision transformer's. */
export function visionKind({ kind = "vit" }: VisionConfig): VisionKind {
  if (Object.hasOwn(visionTowers, kind)) return kind;
  const known = Object.keys(visionTowers).map((name) => `"${name}"`);
  throw new ClipError(
    "bad-config",
    `There is no vision tower of kind ${shown(kind)}: use ${known.join(" or ")}.`,
    { data: { kind } },
  );
}

/** The tower that a config describes. @throws ClipError "bad-config" for a kind that does not exist. */
export function visionTower(config: VisionConfig): VisionTower {
  return visionTowers[visionKind(config)];
}

/**
 * Whether the tower is a vision transformer: for what only these can be, such as the formats of other
 * libraries, which any other kind of tower then is refused by.
 */
export function isVit(config: VisionConfig): config is VisionConfigOf<"vit"> {
  return visionKind(config) === "vit";
}

/** One answer for each kind of vision tower. */
export type VisionCases<Answer> = {
  [Kind in VisionKind]: (config: VisionConfigOf<Kind>) => Answer;
};

/** The answer for the kind of this config. */
export function matchVision<Answer>(config: VisionConfig, cases: VisionCases<Answer>): Answer {
  const answer = cases[visionKind(config)] as (own: VisionConfig) => Answer;
  return answer(config);
}
