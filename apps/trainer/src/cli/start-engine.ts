import { startEngine, type Device, type EngineName, type StartedEngine, type StartOptions } from "@clip-ts/engines";
import type { WeightsDtype } from "@clip-ts/base";
import type { Precision } from "@clip-ts/tensorflow";
import type { Arguments } from "./command.ts";
import { countOption } from "./options.ts";
import { note } from "./output.ts";
import { terminalColumns, wrap } from "./text.ts";

const devices: Readonly<Record<string, Device | undefined>> = {
  auto: undefined,
  cpu: "cpu",
  gpu: "gpu",
};

/** What `--dtype` says that the model's weights are kept as. */
export const weightsDtypeOf = ({ text }: Pick<Arguments, "text">): WeightsDtype | undefined =>
  text("dtype") as WeightsDtype | undefined;

/** Starts what `--engine`, `--device`, `--precision`, `--threads` and `--dtype` ask for, of the engines that are not refused. */
export function startRequestedEngine(
  args: Pick<Arguments, "text">,
  refused: StartOptions["refused"] = {},
): Promise<StartedEngine> {
  const engine = (args.text("engine") ?? "auto") as EngineName | "auto";
  return startEngine(engine, {
    device: devices[args.text("device") ?? "auto"],
    precision: (args.text("precision") ?? "f32") as Precision,
    threads: countOption(args, "threads"),
    dtype: weightsDtypeOf(args),
    refused,
  });
}

/** Starts what the options on engines ask for and says what it is. */
export async function startNamedEngine(
  args: Pick<Arguments, "text">,
  refused: StartOptions["refused"] = {},
): Promise<StartedEngine> {
  const engine = await startRequestedEngine(args, refused);
  announceEngine(engine);
  return engine;
}

const indent = 8;

/** The first lines of every run: what would make it far faster, which engine computes, and why. */
export function announceEngine({ name, detail, reason, slowdown }: StartedEngine): void {
  if (slowdown !== undefined) {
    note(`slow    ${slowdown.said}`);
    note(`        ${slowdown.fix}`); // in one piece, to be pasted
  }
  const [first = "", ...rest] = wrap(`${name} (${detail}): ${reason}`, terminalColumns - indent);
  note(`engine  ${first}`);
  for (const line of rest) note(" ".repeat(indent) + line);
}
