import { startEngine, type Device, type EngineName, type StartedEngine } from "@clip-ts/node";
import type { Precision } from "@clip-ts/jit";
import { announceEngine } from "../../cli/announce-engine.ts";
import type { Arguments } from "../../cli/command.ts";
import { countOption } from "../../cli/number-option.ts";
import { UsageError } from "../../cli/usage-error.ts";

const devices: Readonly<Record<string, Device | undefined>> = {
  auto: undefined,
  cpu: "cpu",
  gpu: "gpu",
};

function precisionOption({ text }: Pick<Arguments, "text">): Precision {
  const precision = text("precision") ?? "f32";
  if (precision === "f32" || precision === "bf16") return precision;
  throw new UsageError(`--precision ${precision}: expected f32 or bf16.`);
}

/** Starts what `--engine`, `--device`, `--precision` and `--threads` ask for. */
export function startRequestedEngine(args: Pick<Arguments, "text">): Promise<StartedEngine> {
  const device = args.text("device") ?? "auto";
  if (!Object.hasOwn(devices, device)) {
    throw new UsageError(`--device ${device}: expected auto, gpu or cpu.`);
  }
  const engine = (args.text("engine") ?? "auto") as EngineName | "auto";
  return startEngine(engine, {
    device: devices[device],
    precision: precisionOption(args),
    threads: countOption(args, "threads"),
  });
}

/** Starts what the options on engines ask for and says what it is. */
export async function startNamedEngine(args: Pick<Arguments, "text">): Promise<StartedEngine> {
  const engine = await startRequestedEngine(args);
  announceEngine(engine);
  return engine;
}
