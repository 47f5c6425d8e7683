import { ClipError, shown } from "@clip-ts/base";

/** A tower that somebody defined elsewhere, as far as both sides of a model know it. */
interface NamedTower {
  readonly name: string;
  /** What it is, in words. */
  readonly title: string;
}

/** Name and settings of such a tower in words. */
export function describeSettings(tower: Pick<NamedTower, "name">, settings: object): string {
  const said = Object.entries(settings).map(
    ([key, value]: [string, unknown]) => `${key} ${shown(value)}`,
  );
  return [tower.name, ...said].join(", ");
}

/** Refuses such a tower where `who` can do with built-in ones only. @throws ClipError "unsupported". */
export function refuseOwnTower({ name, title }: NamedTower, who: string): never {
  throw new ClipError(
    "unsupported",
    `${who} is for built-in towers only, and this model has ${title}: keep it in clip-ts's own ` +
      "format (writeModel), or write its graphs for others (exportOnnxFolder).",
    { data: { tower: name } },
  );
}

/**
 * The tower in a config; in one that comes straight out of a file there is only its name.
 * @throws ClipError "bad-config" for that, saying how to bring the tower along.
 */
export function ownTowerOf<Tower extends NamedTower>(
  tower: Tower | string,
  side: "text" | "vision",
): Tower {
  if (typeof tower === "object") return tower;
  throw new ClipError(
    "bad-config",
    `This config has ${shown(tower)} in the place of a ${side} tower: make it with the tower's own config(), or ` +
      "read it with parseClipConfig(json, { towers }).",
    { data: { tower } },
  );
}
