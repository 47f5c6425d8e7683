import { once } from "node:events";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";

const require = createRequire(import.meta.url);

/** Ends the process in a while, with what it says, whatever its own thread waits in. */
const ender = `
const { writeSync } = require("node:fs");
const { workerData: { milliseconds, line, code, koffi } } = require("node:worker_threads");
setTimeout(() => {
  writeSync(2, line + "\\n");
  require(koffi).load(null).func("_exit", "void", ["int"])(code);
}, milliseconds);
`;

/**
 * Makes a last call, MPI_Finalize, on this thread, as MPI asks. When all ranks are done, MPICH 4.0 over TCP at times
 * does not end (1 of 40 runs of a program in C that does nothing but join, meet and finish); the process then says so
 * and ends with its own exit code.
 */
export async function finishWithin(milliseconds: number, line: string, last: () => void): Promise<void> {
  const code = Number(process.exitCode ?? 0);
  const workerData = { milliseconds, line, code, koffi: require.resolve("koffi") };
  const guard = new Worker(ender, { eval: true, workerData });
  await once(guard, "online");
  last();
  await guard.terminate();
}
