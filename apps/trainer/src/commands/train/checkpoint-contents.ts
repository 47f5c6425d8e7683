import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError, isClipError } from "@clip-ts/base";
import type { FlatTree, HostArrays } from "@clip-ts/core";
import { writeFileWhole, writeJson } from "@clip-ts/files";
import type { ModelDescription } from "@clip-ts/inference";
import { readHostSlots, writeModel, type Checkpoint } from "@clip-ts/node";
import { checkpointOf, type StateLayout, type TrainingPlan, type TrainingState } from "@clip-ts/training";
import { streamParams } from "@clip-ts/weights";
import type { WriteProof } from "./prove.ts";

/** The moving average of a run as a model of its own, inside a checkpoint. */
const emaFolder = "ema";

/** The adapters of a run as Hugging Face PEFT keeps them, inside a checkpoint. */
const adapterFolder = "adapter";

/** Writes adapters so that PEFT loads them onto the model they were trained from. */
async function writeAdapters(folder: string, { lora, adapted }: TrainingPlan, adapters: HostArrays): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, "adapter_config.json"), {
    peft_type: "LORA",
    r: lora?.rank,
    lora_alpha: lora?.alpha ?? lora?.rank, // PEFT would take 8
    lora_dropout: 0,
    bias: "none",
    target_modules: adapted.map((path) => path.replace(/\.weight$/, "")),
  });
  const named = Object.entries(adapters).map(([path, leaf]) => [`base_model.model.${path}`, leaf] as const);
  const { chunks } = streamParams(Object.fromEntries(named));
  await writeFileWhole(join(folder, "adapter_model.safetensors"), chunks());
}

/**
 * A checkpoint of a training in files: the model with adapters added in, so that it can be used as it is, and its
 * proof; the moving average as a model beside it; the adapters for PEFT and, among the slots, for resuming.
 */
export function checkpointContents(
  plan: TrainingPlan,
  state: TrainingState,
  description: ModelDescription,
  prove: WriteProof,
): Pick<Checkpoint, "step" | "params" | "slots" | "attach"> {
  const { step, model, ema, slots, adapters } = checkpointOf(plan, state);
  return {
    step,
    params: model,
    slots,
    async attach(folder) {
      await prove(folder, model);
      if (ema !== undefined) {
        await writeModel(join(folder, emaFolder), description, ema);
        await prove(join(folder, emaFolder), ema);
      }
      if (plan.lora !== undefined) await writeAdapters(join(folder, adapterFolder), plan, adapters);
    },
  };
}

/** What slots that are not the optimiser's stand for. */
const meanings: Readonly<Record<string, string>> = {
  ema: 'moving average ("ema")',
  lora: 'LoRA adapters ("lora")',
};

const listed = (paths: readonly string[]): string =>
  `${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ` and ${paths.length - 3} more` : ""}`;

/** Says what slots a checkpoint has too many and too few. */
function slotDifferences(found: readonly string[], wanted: readonly string[]): string[] {
  const differences = Object.entries(meanings).flatMap(([slot, meaning]) => {
    if (found.includes(slot) === wanted.includes(slot)) return [];
    return found.includes(slot)
      ? [`it has ${meaning}, of which this run's config says nothing`]
      : [`it has no ${meaning}, which this run's config asks for`];
  });
  const ofOptimizer = (slots: readonly string[]): string =>
    slots
      .filter((slot) => !(slot in meanings))
      .toSorted()
      .join(" and ") || "nothing";
  const [own, other] = [ofOptimizer(wanted), ofOptimizer(found)];
  if (own === other) return differences;
  return [...differences, `its optimizer remembers ${other}, this run's ${own} ("optimizer.kind")`];
}

type Shapes = FlatTree<{ readonly shape: readonly number[] }>;

/** Says which leaves of a slot are other ones than the run's. */
function leafDifferences(found: HostArrays, wanted: Shapes): string[] {
  const shapeOf = (tree: Shapes, path: string): string => `[${tree[path]?.shape.join(", ")}]`;
  const [more, fewer] = [
    Object.keys(found).filter((path) => !(path in wanted)),
    Object.keys(wanted).filter((path) => !(path in found)),
  ];
  const reshaped = Object.keys(wanted)
    .filter((path) => path in found && shapeOf(found, path) !== shapeOf(wanted, path))
    .map((path) => `${path} ${shapeOf(found, path)} instead of ${shapeOf(wanted, path)}`);
  return [
    ...(more.length > 0 ? [`there ${listed(more)} learnt, and here not`] : []),
    ...(fewer.length > 0 ? [`here ${listed(fewer)} learn, and there not`] : []),
    ...(reshaped.length > 0 ? [`it has ${listed(reshaped)}`] : []),
  ];
}

function cannotGoOn(folder: string, differences: readonly string[], cause?: unknown): ClipError {
  return new ClipError(
    "bad-config",
    `This run cannot go on from ${folder}, which was trained otherwise:\n` +
      `${differences.map((difference) => `  ${difference}.`).join("\n")}\n` +
      "  Resume with the settings in the run's config.yaml, or begin another run from these weights: " +
      `"model.from: ${folder}" with another "run" and without --resume.`,
    { data: { folder, differences }, ...(cause === undefined ? {} : { cause }) },
  );
}

async function readThem(folder: string, wanted: readonly string[]): Promise<TrainingState["slots"]> {
  try {
    return await readHostSlots(folder, wanted);
  } catch (error) {
    const { found } = (isClipError(error) ? (error.data ?? {}) : {}) as { found?: string[] };
    if (found === undefined) throw error;
    throw cannotGoOn(folder, slotDifferences(found, wanted), error);
  }
}

/** Specs of what a slot remembers of leaves. */
const slotSpecs = (leaves: Shapes, shapeOf: (path: string) => readonly number[]): Shapes =>
  Object.fromEntries(Object.keys(leaves).map((path) => [path, { shape: shapeOf(path) }]));

/**
 * The slots that a run goes on with, of the leaves that learn in it.
 * @throws ClipError "bad-config" that says what a checkpoint of other settings lacks or has too much.
 */
export async function readStoredSlots(
  folder: string,
  wanted: readonly string[],
  { trained, adapters, slotShape }: Pick<TrainingPlan, "trained" | "adapters"> & Pick<StateLayout<object>, "slotShape">,
): Promise<TrainingState["slots"]> {
  const slots = await readThem(folder, wanted);
  const differences = Object.entries(slots).flatMap(([slot, leaves]) =>
    leafDifferences(leaves, slot === "lora" ? adapters : slotSpecs(trained, (path) => slotShape(slot, path))),
  );
  if (differences.length === 0) return slots;
  throw cannotGoOn(folder, [...new Set(differences)]);
}
