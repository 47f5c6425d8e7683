import { join } from "node:path";
import { mkdir } from "node:fs/promises";
import type { HostArrays } from "@clip-ts/core";
import { writeFileWhole, writeJson } from "@clip-ts/files";
import type { ModelDescription } from "@clip-ts/inference";
import { writeModel, type Checkpoint } from "@clip-ts/node";
import { checkpointOf, type TrainingPlan, type TrainingState } from "@clip-ts/training";
import { streamParams } from "@clip-ts/weights";

/** The moving average of a run as a model of its own, inside a checkpoint. */
const emaFolder = "ema";

/** The adapters of a run as Hugging Face PEFT keeps them, inside a checkpoint. */
const adapterFolder = "adapter";

/** Writes adapters so that PEFT loads them onto the model they were trained from. */
async function writeAdapters(
  folder: string,
  { lora, adapted }: TrainingPlan,
  adapters: HostArrays,
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
  const named = Object.entries(adapters).map(
    ([path, leaf]) => [`base_model.model.${path}`, leaf] as const,
  );
  const { chunks } = streamParams(Object.fromEntries(named));
  await writeFileWhole(join(folder, "adapter_model.safetensors"), chunks());
}

/**
 * A checkpoint of a training in files: the model with adapters added in, so that it can be used as it is;
 * the moving average as a model beside it; the adapters for PEFT and, among the slots, for resuming.
 */
export function checkpointContents(
  plan: TrainingPlan,
  state: TrainingState,
  description: ModelDescription,
): Pick<Checkpoint, "step" | "params" | "slots" | "attach"> {
  const { step, model, ema, slots, adapters } = checkpointOf(plan, state);
  return {
    step,
    params: model,
    slots,
    async attach(folder) {
      if (ema !== undefined) await writeModel(join(folder, emaFolder), description, ema);
      if (plan.lora !== undefined) await writeAdapters(join(folder, adapterFolder), plan, adapters);
    },
  };
}
