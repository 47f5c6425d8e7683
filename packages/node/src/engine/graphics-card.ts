import { execFileSync } from "node:child_process";

/** What NVIDIA's driver says of the first card: "NVIDIA H200"; undefined without driver or card. */
export function graphicsCard(command = "nvidia-smi"): string | undefined {
  try {
    const argv = ["--query-gpu=name", "--format=csv,noheader"];
    const options = { encoding: "utf8", timeout: 10_000, stdio: ["ignore", "pipe", "ignore"] };
    const names = execFileSync(command, argv, options as { encoding: "utf8" });
    return names.split("\n")[0]?.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Whether products take 10-bit mantissas on cards that can (TensorFloat-32), as TensorFlow starts. */
export function tensorFloat32(environment: NodeJS.ProcessEnv = process.env): string {
  return environment["NVIDIA_TF32_OVERRIDE"] === "0"
    ? "TF32 off"
    : "TF32 where the card has it (NVIDIA_TF32_OVERRIDE=0 turns it off)";
}
