// @ts-check
// The child's half of a comparison: one side is one process that lives through all rounds. Requests come
// as lines of JSON on stdin, replies go as lines of JSON to file descriptor 3, so that nothing a library
// prints can be taken for a reply. The first line prepares the side, every other is one timed run.
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";

/**
 * @typedef {Record<string, any>} Json
 * @typedef {object} PreparedSide
 * @property {Json} facts what a reader of the table should know: versions, settings, load times
 * @property {(request: Json) => unknown} run does the work that is timed, and only that
 * @property {(result: any) => number} [clock] milliseconds that a side measured where it works, if the way
 *   there and back takes time of its own
 * @property {(result: any) => number} [processor] milliseconds of processor time, where the side measured them itself
 * @property {(request: Json, result: any) => unknown} [show] what of a result is compared; not timed
 */

/**
 * Answers requests until stdin ends; a failure is told in one line on stderr.
 * @param {(options: Json) => Promise<PreparedSide>} prepare
 */
export async function serve(prepare) {
  try {
    await answer(prepare);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

/** @param {(options: Json) => Promise<PreparedSide>} prepare */
async function answer(prepare) {
  const replies = createWriteStream("", { fd: 3 });
  /** @param {Json} content */
  const reply = (content) => replies.write(`${JSON.stringify(content)}\n`);
  /** @type {PreparedSide | undefined} */
  let side;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    const startedAt = performance.now();
    if (side === undefined) {
      side = await prepare(request);
      reply({ facts: side.facts, milliseconds: performance.now() - startedAt });
      continue;
    }
    const usedBefore = process.cpuUsage();
    const result = await side.run(request);
    const milliseconds = side.clock?.(result) ?? performance.now() - startedAt;
    const { user, system } = process.cpuUsage(usedBefore);
    const userMilliseconds = user / 1000;
    const cpuMilliseconds = side.processor?.(result) ?? (user + system) / 1000;
    reply({ milliseconds, userMilliseconds, cpuMilliseconds, shown: (await side.show?.(request, result)) ?? null });
  }
}
