// @ts-check
// The Python that runs PyTorch and open_clip: one that is given, or one made here and kept.
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const folder = fileURLToPath(new URL("../.venv", import.meta.url));

/** What is compared with; pinned, so that figures of two days are figures of the same programs. */
const packages = ["torch==2.13.0", "open_clip_torch==3.3.0", "safetensors==0.8.0", "pillow==12.3.0"];

/** @param {string} environment */
const interpreterOf = (environment) =>
  process.platform === "win32" ? join(environment, "Scripts", "python.exe") : join(environment, "bin", "python");

/** @param {(line: string) => void} note */
async function makeEnvironment(note) {
  const finished = join(folder, "packages.txt");
  const wanted = packages.join("\n");
  const python = interpreterOf(folder);
  if (existsSync(finished) && readFileSync(finished, "utf8") === wanted) return python;
  note(`making a Python environment in bench/.venv with ${packages.join(", ")}`);
  await run("python3", ["-m", "venv", "--clear", folder]);
  await run(python, ["-m", "pip", "install", "--quiet", ...packages], { maxBuffer: 2 ** 26 });
  writeFileSync(finished, wanted);
  return python;
}

/**
 * An interpreter that has PyTorch and open_clip.
 * @param {string | undefined} given
 * @param {(line: string) => void} note
 * @returns {Promise<string | undefined>} nothing, after saying why, where there is none
 */
export async function findPython(given, note) {
  try {
    const python = given ?? (await makeEnvironment(note));
    await run(python, ["-c", "import torch, safetensors"]);
    return python;
  } catch (error) {
    const { stderr = "", message } = /** @type {Error & { stderr?: string }} */ (error);
    const reason = stderr.trim().split("\n").at(-1) || message;
    note(`skipped open_clip: there is no Python with PyTorch (${reason})`);
    return undefined;
  }
}
