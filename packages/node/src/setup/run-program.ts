import { spawn } from "node:child_process";

/** How another program ended. */
export interface ProgramResult {
  /** Undefined if there is no such program. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs another program to its end. A program that does not exist is a result, not an error. */
export function runProgram(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<ProgramResult> {
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
