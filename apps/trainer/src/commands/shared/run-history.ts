import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { isClipError } from "@clip-ts/base";
import { note } from "../../cli/output.ts";

/** How a process that trained a run ended. */
export type RunEnd = "done" | "stopped early" | "interrupted" | "diverged" | "failed";

/** A process began to train a run, or went on with it. */
interface Began {
  readonly event: "begin";
  /** ISO 8601. */
  readonly at: string;
  /** Steps taken so far. */
  readonly step: number;
  /** What computes: a config may leave that open. */
  readonly engine: string;
}

/** A process ended by itself; one that was killed leaves no such line. */
interface Ended {
  readonly event: "end";
  readonly at: string;
  readonly step: number;
  readonly how: RunEnd;
  /** Of an error, its first line. */
  readonly reason?: string;
}

/** A line of a run's `sessions.jsonl`. */
export type Session = Began | Ended;

const fileOf = (run: string): string => join(run, "sessions.jsonl");

async function append(run: string, session: Session): Promise<void> {
  try {
    await appendFile(fileOf(run), `${JSON.stringify(session)}\n`);
  } catch (error) {
    note(`note    sessions.jsonl cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Records that a process trains a run from here on; a disk that takes no line ends no training. */
export function recordBegin(run: string, step: number, engine: string): Promise<void> {
  return append(run, { event: "begin", at: new Date().toISOString(), step, engine });
}

/** Records how it ended. */
export function recordEnd(run: string, step: number, how: RunEnd): Promise<void> {
  return append(run, { event: "end", at: new Date().toISOString(), step, how });
}

/** Records the error that ended it. */
export function recordFailure(run: string, step: number, error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  const how = isClipError(error) && error.code === "diverged" ? "diverged" : "failed";
  const reason = message.split("\n", 1)[0] ?? "";
  return append(run, { event: "end", at: new Date().toISOString(), step, how, reason });
}

function parseSession(line: string): Session[] {
  try {
    const session = JSON.parse(line) as Session | null;
    return session?.event === "begin" || session?.event === "end" ? [session] : [];
  } catch {
    return []; // empty, or cut off
  }
}

/** What is recorded of a run's processes, oldest first; nothing of runs by versions that kept no record. */
export async function readSessions(run: string): Promise<Session[]> {
  const text = await readFile(fileOf(run), "utf8").catch(() => "");
  return text.split("\n").flatMap(parseSession);
}
