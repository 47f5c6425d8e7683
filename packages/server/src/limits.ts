import { ClipError } from "@clip-ts/base";

/** What a server takes on, and for how long. */
export interface Limits {
  /** Bytes of a request's body. */
  readonly bodyBytes: number;
  /** Bytes of all bodies that are read and worked on at a time. */
  readonly bodyBytesAtOnce: number;
  /** Texts and pictures of one request. */
  readonly inputs: number;
  /** Characters of one text; of what it reads the tokenizer keeps what fits the model's context. */
  readonly characters: number;
  /** Prompts of one classification: labels times templates. */
  readonly prompts: number;
  /** Pictures that a search gives. */
  readonly results: number;
  /** Pixels of one picture. */
  readonly pixels: number;
  /** Pixels of all pictures that are decoded at a time; a larger one waits until it is alone. */
  readonly pixelsAtOnce: number;
  /** Requests with a body at a time; what would be more is answered 429 before its body is read. */
  readonly requests: number;
  /** Inputs that wait or are worked on; what would be more is answered 429. */
  readonly queue: number;
  /** Rows that the engine computes at a time. */
  readonly batch: number;
  /** Searches at a time in an index that is kept by others than this process; in a flat one they take turns. */
  readonly searches: number;
  /** Milliseconds from a request's head until it is answered 503, the time that its body takes among them. */
  readonly deadline: number;
  /** Milliseconds that a body may take to come. */
  readonly bodyTime: number;
  /** Milliseconds that a request's head may take to come. */
  readonly headTime: number;
  /** Connections at a time; more are closed at once. */
  readonly connections: number;
  /** Milliseconds that what is in flight has when the server is closed. */
  readonly drain: number;
}

/** What a server takes on where nobody says otherwise. */
export const usualLimits: Limits = {
  bodyBytes: 2 ** 25,
  bodyBytesAtOnce: 2 ** 28,
  inputs: 256,
  characters: 2 ** 15,
  prompts: 1024,
  results: 1000,
  pixels: 2 ** 25,
  pixelsAtOnce: 2 ** 26,
  requests: 256,
  queue: 1024,
  batch: 16,
  searches: 4,
  deadline: 30_000,
  bodyTime: 15_000,
  headTime: 10_000,
  connections: 4096,
  drain: 10_000,
};

/** The usual limits with some changed. @throws ClipError "bad-argument" for one that is no whole number from 1. */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(changes)) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    const message = `The limit ${name} should be a whole number from 1, got ${String(value)}.`;
    throw new ClipError("bad-argument", message, { data: { name, value } });
  }
  return { ...usualLimits, ...changes };
}
