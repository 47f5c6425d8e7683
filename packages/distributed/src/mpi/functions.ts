import type { KoffiFunc, LibraryHandle } from "koffi";
import type { MpiHandle } from "./abi.ts";
import { textIn, type MpiLibrary } from "./library.ts";
import { askUntil } from "./polled.ts";

/** A function of MPI: its arguments in C's order; gives MPI's error code. */
type MpiFunction = (...given: unknown[]) => number;

/** Seconds after which the process ends, where MPI cannot reach the others to end them. */
const abortSeconds = 5;

/** Bytes of the longest error text: MPI_MAX_ERROR_STRING is 512 at most. */
const errorBytes = 1024;

/** Arrays that are passed. */
export type Elements = Float32Array | Int32Array | Uint8Array | Uint8ClampedArray;

/** The functions of MPI that are used, on MPI_COMM_WORLD, all of it in place. */
export interface MpiFunctions {
  /** Asks for MPI_THREAD_MULTIPLE; gives the level that was granted. Waits for the others, so long at most. */
  initialise(seconds: number): number;
  isInitialised(): boolean;
  size(): number;
  rank(): number;
  /** Hands errors to the caller instead of ending the process. */
  returnErrors(): void;
  /** On a thread of its own, which holds a processor until all ranks have given theirs and have the result. */
  reduce(values: Float32Array, by: "sum" | "max" | "min"): Promise<number>;
  /** The same on JavaScript's own thread, a moment each millisecond. */
  reduceBeside(values: Float32Array, by: "sum" | "max" | "min"): Promise<number>;
  /** `all` is [ranks, length / ranks]. */
  gather(all: Elements, ranks: number): Promise<number>;
  broadcast(values: Elements): Promise<number>;
  barrier(): Promise<number>;
  /** What an error code means. */
  errorText(code: number): string;
  /** Ends all ranks that can be reached, and this one. */
  abort(code: number): void;
  finalise(): void;
}

function startAsync(call: KoffiFunc<MpiFunction>, given: readonly unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...given, (error: Error | null, code: number) => {
      if (error === null) resolve(code);
      else reject(error);
    });
  });
}

/** A number that a function writes through a pointer to int, after what else it is given. */
function intBy(call: MpiFunction, ...given: unknown[]): number {
  const result = new Int32Array(1);
  call(...given, result);
  return result[0] as number;
}

/** What is known of an array's type. */
function typeIn(abi: MpiLibrary["abi"], array: Elements): MpiHandle {
  if (array instanceof Float32Array) return abi.float;
  return array instanceof Int32Array ? abi.int32 : abi.byte;
}

/** Bytes of an MPI_Status, which nobody reads: 20 in MPICH, 24 in Open MPI, 32 in MPI-5. */
const statusBytes = 64;

/** A call that was begun, waited for by asking. `begin` writes its request. */
async function finishBeside(begin: (request: BigUint64Array) => number, test: MpiFunction): Promise<number> {
  const request = new BigUint64Array(1); // an int in MPICH
  const [isDone, status] = [new Int32Array(1), new Uint8Array(statusBytes)];
  let code = begin(request);
  await askUntil(() => {
    if (code === 0) code = test(request, isDone, status);
    return code !== 0 || isDone[0] !== 0;
  });
  return code;
}

const binder =
  (library: LibraryHandle) =>
  (name: string, ...given: string[]): KoffiFunc<MpiFunction> =>
    library.func(`MPI_${name}`, "int", given) as KoffiFunc<MpiFunction>;

/** Binds the functions of a library. Nothing is called yet. */
export function bindMpi({ functions, abi, alarm }: MpiLibrary): MpiFunctions {
  const [pointer, handle] = ["void *", abi.handle];
  const bind = binder(functions);
  const init = bind("Init_thread", pointer, pointer, "int", pointer);
  const initialized = bind("Initialized", pointer);
  const [size, rank] = [bind("Comm_size", handle, pointer), bind("Comm_rank", handle, pointer)];
  const setErrors = bind("Comm_set_errhandler", handle, handle);
  // the place that is not read is MPI_IN_PLACE, a number
  const reduce = bind("Allreduce", "intptr_t", pointer, "int", handle, handle, handle);
  const beginReduce = bind("Iallreduce", "intptr_t", pointer, "int", handle, handle, handle, pointer);
  const test = bind("Test", pointer, pointer, pointer);
  const gather = bind("Allgather", "intptr_t", "int", handle, pointer, "int", handle, handle);
  const broadcast = bind("Bcast", pointer, "int", handle, "int", handle);
  const barrier = bind("Barrier", handle);
  const errorString = bind("Error_string", "int", pointer, pointer);
  const [abort, finalize] = [bind("Abort", handle, "int"), bind("Finalize")];
  const { world, inPlace } = abi;
  /** What MPI writes to between two questions, when nobody else may hold it. */
  const passing = new Set<Elements>();
  // what is called on JavaScript's own thread, which no timer interrupts
  const within = <T>(seconds: number, call: () => T): T => {
    alarm(Math.ceil(seconds));
    const result = call();
    alarm(0);
    return result;
  };
  return {
    initialise: (seconds) => within(seconds, () => intBy(init, null, null, abi.threadMultiple)),
    isInitialised: () => intBy(initialized) !== 0,
    size: () => intBy(size, world),
    rank: () => intBy(rank, world),
    returnErrors: () => setErrors(world, abi.errorsReturn),
    reduce: (values, by) => startAsync(reduce, [inPlace, values, values.length, abi.float, abi[by], world]),
    async reduceBeside(values, by) {
      passing.add(values);
      const begin = (request: BigUint64Array): number =>
        beginReduce(inPlace, values, values.length, abi.float, abi[by], world, request);
      const code = await finishBeside(begin, test);
      passing.delete(values);
      return code;
    },
    gather: (all, ranks) => {
      const type = typeIn(abi, all);
      return startAsync(gather, [inPlace, 0, type, all, all.length / ranks, type, world]);
    },
    broadcast: (values) => startAsync(broadcast, [values, values.length, typeIn(abi, values), 0, world]),
    barrier: () => startAsync(barrier, [world]),
    errorText(code) {
      const text = new Uint8Array(errorBytes);
      errorString(code, text, new Int32Array(1));
      return textIn(text);
    },
    abort: (code) => within(abortSeconds, () => void abort(world, code)),
    finalise: () => void finalize(),
  };
}
