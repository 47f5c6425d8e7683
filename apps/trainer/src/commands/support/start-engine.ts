import { startEngine, type Device, type EngineName, type StartedEngine } from "@clip-ts/engines";
import type { Precision } from "@clip-ts/tensorflow";
import { announceEngine } from "../../cli/announce-engine.ts";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";

const devices: Readonly<Record<string, Device | undefined>> = {
  auto: undefined,
  cpu: "cpu",
  gpu: "gpu",
};

/** Starts what `--engine`, `--device`, `--precision` and `--threads` ask for. */
export function startRequestedEngine(args: Pick<Arguments, "text">): Promise<StartedEngine> {
  const engine = (args.text("engine") ?? "auto") as EngineName | "auto";
  return startEngine(engine, {
    device: devices[args.text("device") ?? "auto"],
    precision: (args.text("precision") ?? "f32") as Precision,
    threads: countOption(args, "threads"),
  });
}

/** Starts what the options on engines ask for and says what it is. */
export async function startNamedEngine(args: Pick<Arguments, "text">): Promise<StartedEngine> {
  const engine = await startRequestedEngine(args);
  announceEngine(engine);
  return engine;
}
