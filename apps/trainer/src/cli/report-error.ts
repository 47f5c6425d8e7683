import { isClipError } from "@clip-ts/base";
import { UsageError } from "./command.ts";

/** How commands end. */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** One readable message; the stack only when asked for. @returns the exit code. */
export function reportError(error: unknown, withStack: boolean, who = ""): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`clip-ts: ${who}${message}\n`);
  if (withStack && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
  if (error instanceof UsageError) return exitCodes.usage;
  if (isClipError(error) && error.code === "interrupted") return exitCodes.interrupted;
  return exitCodes.failed;
}
