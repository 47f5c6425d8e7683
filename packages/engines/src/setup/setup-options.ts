import { spawn } from "node:child_process";

/** The release that the native part is built against. */
export const tensorflowVersion = "2.21.0";

/** What `setupTensorflow` is told. */
export interface SetupOptions {
  /** Build for NVIDIA GPUs: the larger wheel, for tfjs-node-gpu. */
  readonly gpu?: boolean;
  /** A folder that holds libtensorflow or the wheel, or the wheel itself; nothing is fetched then. */
  readonly from?: string;
  /** Address of a Python package index (PEP 503), used where there is no pip. */
  readonly index?: string;
  /** Where libraries are kept; the user's cache folder by default. */
  readonly cache?: string;
  /** Gets a line for each thing done. */
  readonly report?: (line: string) => void;
  /** PATH and the like; this process's by default. */
  readonly environment?: NodeJS.ProcessEnv;
  /** The system to build on; this one by default. */
  readonly platform?: NodeJS.Platform;
}

/** Options with their defaults, as the steps of the setup pass them on. */
export interface SetupContext {
  readonly gpu: boolean;
  /** The wheel's name on the index. */
  readonly wheelName: string;
  /** Where this kind of library is kept. */
  readonly cache: string;
  readonly index: string | undefined;
  readonly report: (line: string) => void;
  readonly environment: NodeJS.ProcessEnv;
}

/** Bytes as people read them. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** How another program ended. */
export interface ProcessResult {
  /** Undefined if there is no such program. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs another program to its end. A program that does not exist is a result, not an error. */
export function runProcess(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<ProcessResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", () => resolve({ code: undefined, stdout, stderr }));
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}

/** The end of what a program said, for error messages. */
export function lastLines(text: string, count = 6): string {
  const lines = text.trim().split("\n").slice(-count);
  return lines.map((line) => `    ${line.slice(0, 300)}`).join("\n");
}
