import { join } from "node:path";
import { mkdir } from "node:fs/promises";
import type { FlatTree } from "@clip-ts/core";
import {
  writeFileWhole,
  writeJson,
  writeModel,
  type Checkpoint,
  type ModelDescription,
} from "@clip-ts/node";
import { streamParams } from "@clip-ts/weights";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import type { SessionContents } from "./session.ts";
import { mergedLeaves, type TrainingPlan } from "./training-plan.ts";

/** The moving average of a run as a model of its own, inside a checkpoint. */
const emaFolder = "ema";

/** The adapters of a run as Hugging Face PEFT keeps them, inside a checkpoint. */
const adapterFolder = "adapter";

/** What a run saves and evaluates: the model itself, and its moving average if there is one. */
export interface RunModels {
  readonly model: FlatTree<Tensor>;
  readonly ema?: FlatTree<Tensor>;
}

/** Lends the models of a state, adapters added in, for as long as `use` runs. */
export async function withModels<Result>(
  plan: TrainingPlan,
  { params, slots: { ema } }: SessionContents,
  use: (models: RunModels) => Promise<Result>,
): Promise<Result> {
  const models = {
    model: mergedLeaves(plan, params),
    ...(ema === undefined ? {} : { ema: mergedLeaves(plan, { ...params, ...ema }) }),
  };
  try {
    return await use(models);
  } finally {
    const made = Object.values(models).flatMap((leaves) =>
      plan.adapted.map((path) => leaves[path]),
    );
    dispose(made);
  }
}

/** Writes adapters so that PEFT loads them onto the model they were trained from. */
async function writeAdapters(
  folder: string,
  { lora, adapted }: TrainingPlan,
  adapters: FlatTree<Tensor>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, "adapter_config.json"), {
    peft_type: "LORA",
    r: lora?.rank,
    lora_alpha: lora?.alpha ?? lora?.rank, // PEFT would take 8
    lora_dropout: 0,
    bias: "none",
    target_modules: adapted.map((path) => path.replace(/\.weight$/, "")),
  });
  const named = Object.entries(adapters).map(([path, leaf]) => [`base_model.model.${path}`, leaf]);
  const { chunks } = streamParams(Object.fromEntries(named) as Record<string, Tensor>);
  await writeFileWhole(join(folder, "adapter_model.safetensors"), chunks());
}

/**
 * A checkpoint of a session: the model with adapters added in, so that it can be used as it is; the
 * moving average as a model beside it; the adapters for PEFT and, among the slots, for resuming.
 */
export function checkpointContents(
  plan: TrainingPlan,
  { params, slots }: SessionContents,
  { models, description }: { readonly models: RunModels; readonly description: ModelDescription },
): Pick<Checkpoint, "params" | "slots" | "attach"> {
  const paths = Object.keys(plan.adapters);
  const adapters = Object.fromEntries(paths.map((path) => [path, params[path] as Tensor]));
  return {
    params: models.model,
    slots: plan.lora === undefined ? slots : { ...slots, lora: adapters },
    async attach(folder) {
      const { ema } = models;
      if (ema !== undefined) await writeModel(join(folder, emaFolder), description, ema);
      if (paths.length > 0) await writeAdapters(join(folder, adapterFolder), plan, adapters);
    },
  };
}
