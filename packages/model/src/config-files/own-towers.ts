import { ClipError } from "@clip-ts/base";
import type { CaptionConfig, OwnTextConfig, OwnTextTower } from "@clip-ts/text-encoder";
import type { ImageConfig, OwnVisionConfig, OwnVisionTower } from "@clip-ts/vision-encoder";
import type { Json, Section } from "./section.ts";

/** A tower of one's own: what `defineVisionTower` or `defineTextTower` made. */
export type OwnTower = OwnVisionTower | OwnTextTower;

/** What a `config.json` cannot say itself. */
export interface ParseOptions {
  /** The towers that files name and somebody defined elsewhere. */
  readonly towers?: readonly OwnTower[] | undefined;
}

function missing(side: OwnTower["side"], name: string): ClipError {
  const maker = side === "vision" ? "defineVisionTower" : "defineTextTower";
  return new ClipError(
    "unsupported",
    `This model has a ${side} tower of its own, "${name}", which config.json only names. Give what ${maker} ` +
      "made of it: openClip(model, { towers: [...] }), and so wherever else a model is read.",
    { data: { side, tower: name } },
  );
}

/** The tower that the file names, among those that were given. */
function towerNamed<Tower extends OwnTower>(
  section: Section,
  side: Tower["side"],
  towers: readonly OwnTower[] | undefined,
): Tower {
  const name = section.text("tower");
  const isNamed = (tower: OwnTower): tower is Tower => tower.side === side && tower.name === name;
  const found = towers?.find(isNamed);
  if (found === undefined) throw missing(side, name);
  return found;
}

/** Reads a vision tower of one's own for images of this size. */
export function parseOwnVision(section: Section, image: ImageConfig, { towers }: ParseOptions): OwnVisionConfig {
  const tower = towerNamed<OwnVisionTower>(section, "vision", towers);
  return tower.config({ ...section.section("settings", {}).json, ...image });
}

/** Reads a text tower of one's own for such captions. */
export function parseOwnText(section: Section, captions: CaptionConfig, { towers }: ParseOptions): OwnTextConfig {
  const tower = towerNamed<OwnTextTower>(section, "text", towers);
  return tower.config({ ...section.section("settings", {}).json, ...captions });
}

/** What a file says of a tower of one's own: its name in its place, and not what it says itself. */
export function formatOwnTower(config: OwnVisionConfig | OwnTextConfig): Json {
  const { tower, readsPadding: _, ...said } = { readsPadding: false, ...config };
  return { ...said, tower: tower.name };
}
