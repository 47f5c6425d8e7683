import { ClipError } from "@clip-ts/base";

/**
 * What LanceDB says when another opening was faster: a change that was made on a version no longer the newest, or a
 * file or an index that went when the other one compacted, which may also end in a panic. All pass when the same is
 * tried on the newest version; every change may be made twice.
 */
const passing =
  /commit conflict|preempted|too many concurrent|concurrent transaction|index not found|not found: .*\.lance|\.lance not found|panic in async/iu;

/** Tries; with the waits between them an opening gives way for some seconds. */
const tries = 8;

const firstLine = (error: unknown): string =>
  error instanceof Error ? ((error.message.split(", /")[0] as string).split("\n")[0] as string) : String(error);

/**
 * Does something to a table, again where another opening changed it at the same time.
 * @throws ClipError "bad-data" with LanceDB's own words otherwise.
 */
export async function withRetries<T>(place: string, action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (cause) {
      if (cause instanceof ClipError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      if (attempt === tries || !passing.test(message)) {
        throw new ClipError("bad-data", `The LanceDB index in ${place}: ${firstLine(cause)}`, { cause });
      }
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 10 * 2 ** attempt * (0.5 + Math.random()));
      });
    }
  }
}
