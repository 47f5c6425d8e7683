import { ClipError } from "./clip-error.ts";

/** Something that holds memory until it is disposed. */
interface Disposable {
  dispose(): void | Promise<void>;
}

type Method = (...args: unknown[]) => unknown;

/** How messages call it, and what to do instead of using it. */
export interface DisposalWords {
  /** "This model". */
  readonly what: string;
  /** "Open it again, …", in the imperative. */
  readonly remedy: string;
}

/**
 * The same object, whose asynchronous methods reject once it was disposed, with a ClipError "disposed" that
 * says so and what to do; disposing it again does nothing. What already runs is left to the object.
 */
export function refuseAfterDisposal<Api extends Disposable>(
  api: Api,
  { what, remedy }: DisposalWords,
): Api {
  let ended: { readonly result: void | Promise<void> } | undefined;
  const guard = (method: Method): Method => {
    return (...args) => {
      if (ended === undefined) return method.apply(api, args);
      const message = `${what} was disposed, which freed its memory. ${remedy}`;
      return Promise.reject(new ClipError("disposed", message, { data: { what } }));
    };
  };
  const members = Object.entries(api).map(([name, value]): [string, unknown] => [
    name,
    typeof value === "function" && name !== "dispose" ? guard(value as Method) : value,
  ]);
  const dispose = (): void | Promise<void> => {
    ended ??= { result: api.dispose() };
    return ended.result;
  };
  return { ...Object.fromEntries(members), dispose } as Api;
}
