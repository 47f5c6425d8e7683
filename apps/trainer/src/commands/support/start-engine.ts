import { startEngine, type Device, type EngineName, type StartedEngine } from "@clip-ts/node";
import { announceEngine } from "../../cli/announce-engine.ts";
import type { Arguments } from "../../cli/command.ts";
import { UsageError } from "../../cli/usage-error.ts";

const devices: Readonly<Record<string, Device | undefined>> = {
  auto: undefined,
  cpu: "cpu",
  gpu: "gpu",
};

/** Starts what `--engine` and `--device` ask for. */
export function startRequestedEngine(args: Pick<Arguments, "text">): Promise<StartedEngine> {
  const device = args.text("device") ?? "auto";
  if (!Object.hasOwn(devices, device)) {
    throw new UsageError(`--device ${device}: expected auto, gpu or cpu.`);
  }
  const engine = (args.text("engine") ?? "auto") as EngineName | "auto";
  return startEngine(engine, { device: devices[device] });
}

/** Starts what `--engine` and `--device` ask for and says what it is. */
export async function startNamedEngine(args: Pick<Arguments, "text">): Promise<StartedEngine> {
  const engine = await startRequestedEngine(args);
  announceEngine(engine);
  return engine;
}
