import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ClipError } from "@clip-ts/base";
import { checkSum } from "./check-sum.ts";
import { lastLines, runProgram } from "./run-program.ts";
import { tensorflowVersion, type SetupContext } from "./setup-options.ts";

/** Ways to call pip, likeliest first. */
const pips: readonly (readonly [string, ...string[]])[] = [
  ["python3", "-m", "pip"],
  ["pip3"],
  ["pip"],
];

/** The words that call pip here; undefined where there is none. */
export async function findPip(
  environment: NodeJS.ProcessEnv,
): Promise<readonly [string, ...string[]] | undefined> {
  for (const pip of pips) {
    const [command, ...args] = pip;
    const { code } = await runProgram(command, [...args, "--version"], environment);
    if (code === 0) return pip;
  }
  return undefined;
}

async function wheelIn(folder: string, name: string): Promise<string | undefined> {
  const files = await readdir(folder).catch((): string[] => []);
  const start = `${name.replaceAll("-", "_")}-${tensorflowVersion}-`;
  const found = files.find((file) => file.startsWith(start) && file.endsWith(".whl"));
  return found === undefined ? undefined : join(folder, found);
}

/**
 * Fetches the wheel with pip, which verifies it and knows the user's own indexes.
 * @returns its path; undefined where there is no pip.
 * @throws ClipError "not-found" with what pip said.
 */
export async function pipWheel(context: SetupContext): Promise<string | undefined> {
  const { cache, environment, report, wheelName } = context;
  const folder = `${cache}-wheel`;
  const present = await wheelIn(folder, wheelName);
  if (present !== undefined) return present;
  const pip = await findPip(environment);
  if (pip === undefined) return undefined;
  const [command, ...args] = pip;
  await mkdir(folder, { recursive: true });
  report(`fetching ${wheelName} ${tensorflowVersion} with ${pip.join(" ")}`);
  const what = `${wheelName}==${tensorflowVersion}`;
  const options = ["download", "--no-deps", "--only-binary=:all:", "--dest", folder, what];
  const { stderr } = await runProgram(command, [...args, ...options], environment);
  const wheel = await wheelIn(folder, wheelName);
  if (wheel !== undefined) {
    report(`  SHA-256 ${await checkSum(wheel)}`);
    return wheel;
  }
  throw new ClipError(
    "not-found",
    `pip cannot fetch ${what}:\n${lastLines(stderr)}\n` +
      "  The wheels are for Linux on x86-64. If this Python is too new or too old, fetch one with another " +
      "and give it with --from FILE.",
    { data: { what } },
  );
}
