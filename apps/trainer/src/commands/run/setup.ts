import { setupTensorflow } from "@clip-ts/engines";
import type { Arguments } from "../../cli/command.ts";
import { note, print } from "../../cli/output.ts";

/** clip-ts setup */
export async function run({ text, flag }: Arguments): Promise<void> {
  const [from, index] = [text("from"), text("index")];
  const { version, gpu } = await setupTensorflow({
    gpu: flag("gpu"),
    ...(from === undefined ? {} : { from }),
    ...(index === undefined ? {} : { index }),
    report: note,
  });
  print(`tensorflow: ready (TensorFlow ${version}, ${gpu ? "GPU" : "CPU"})`);
}
