import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { flattenTree, isStatistic, type ParamSpec } from "@clip-ts/core";
import { clipSpec, preset, presetNames, type ClipConfig, type ClipParams } from "@clip-ts/model";
import {
  decaysByDefault,
  layerwiseMultipliers,
  lockedPaths,
  loraSpec,
  loraTargets,
  orthogonalByDefault,
} from "@clip-ts/optim";
import { expect, test } from "vitest";
import { planTraining } from "@clip-ts/training";

/** What parameters were to training when it was told from their names; `how` says how it was written. */
interface Snapshot {
  readonly families: Readonly<Record<string, { config: ClipConfig; parameters: string[] }>>;
  readonly presets: Readonly<Record<string, string>>;
}

const file = new URL("fixtures/parameter-roles.json", import.meta.url);
const snapshot: Snapshot = JSON.parse(readFileSync(file, "utf8"));
type Specs = Readonly<Record<string, ParamSpec>>;

/** For every path, the fewest unlocked groups with which it learns. */
function unlockedAt(specs: Specs): (path: string) => number {
  const groups = Math.max(...Object.values(specs).map(({ depth = 0 }) => depth)) + 1;
  const locked = Array.from({ length: groups + 1 }, (_, unlocked) =>
    lockedPaths(specs, { image: unlocked, text: unlocked }),
  );
  return (path) => locked.findIndex((paths) => !paths.has(path));
}

/** What LoRA's targets say of a path. */
function adaptedBy(specs: Specs): (path: string) => string[] {
  const targets = { adaptable: [/./], attention: ["attention"], mlp: ["mlp"], adapted: undefined };
  const chosen = Object.entries(targets).map(([name, named]) => {
    const config = named === undefined ? {} : { targets: named };
    return [name, new Set(loraTargets(specs, config))] as const;
  });
  return (path) => chosen.flatMap(([name, paths]) => (paths.has(path) ? [name] : []));
}

/** One line for each parameter and adapter, in the words of the snapshot. */
function describe(config: ClipConfig): string[] {
  const specs = flattenTree<ParamSpec>(clipSpec(config));
  const adapters = loraSpec(specs, { rank: 1 });
  const learning = Object.fromEntries(Object.entries(specs).filter(([, leaf]) => !isStatistic(leaf)));
  const all = { ...specs, ...adapters };
  const rates = layerwiseMultipliers(all, { image: 0.5, text: 0.5 });
  const [unlocked, adapted] = [unlockedAt(learning), adaptedBy(specs)];
  const { trained } = planTraining<ClipParams>(clipSpec(config), { lora: { rank: 1 } });
  const beside = new Set(Object.keys(trained).filter((path) => path in specs));
  return Object.entries(all).map(([path, leaf]) =>
    [
      path,
      leaf.tower ?? "none",
      `rate 2^${Math.log2(rates[path]!) || 0}`,
      ...(path in learning ? [`learns from ${unlocked(path)}`] : []),
      ...(isStatistic(leaf) ? ["statistic"] : []),
      ...(decaysByDefault(leaf) ? ["decays"] : []),
      ...(orthogonalByDefault(leaf, path) ? ["muon"] : []),
      ...(leaf.precision === "exact" ? ["exact"] : []),
      ...adapted(path),
      ...(beside.has(path) ? ["beside adapters"] : []),
      ...(path in adapters ? [`adapter ${JSON.stringify(leaf.shape)} ${JSON.stringify(leaf.init)}`] : []),
    ].join(", "),
  );
}

test.each(Object.entries(snapshot.families))(
  "roles say of every parameter what its name said (%s)",
  (_, { config, parameters }) => {
    expect(describe(config)).toEqual(parameters);
  },
);

test("the same of every preset", () => {
  const digests = presetNames.map((name) => {
    const lines = describe(preset(name)).join("\n");
    return [name, createHash("sha256").update(lines).digest("hex").slice(0, 16)];
  });
  expect(Object.fromEntries(digests)).toMatchObject(snapshot.presets);
});
