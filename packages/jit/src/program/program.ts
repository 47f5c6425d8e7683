import { ClipError, refuseAfterDisposal } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/core";
import type { StepBatch } from "./batch.ts";
import type { GradientParts, LocalParts, RankPlace, StepFunctions } from "./step-functions.ts";

/** Numbers by name. */
export type Numbers = Readonly<Record<string, number>>;

/** What a program holds. */
export interface ProgramState {
  /** Every leaf by path: those that learn and those that stay. */
  readonly params: HostArrays;
  /** What is remembered of the leaves that learn, by slot, then by path. */
  readonly slots: Readonly<Record<string, HostArrays>>;
  /** The gradients that `compare` began and `pullBack` added to, by path. */
  readonly gradients: HostArrays;
}

/** What a program begins with: leaves, and slots that are not zeros. */
export type StartingState = Pick<ProgramState, "params"> & Partial<Pick<ProgramState, "slots">>;

/** The functions of a step that a program runs: what each is given and what it gives. */
export interface StepCalls {
  /** A whole batch: its gradient, then `update`. Gives loss, metrics and `gradNorm`. */
  readonly step: {
    readonly given: Readonly<Record<"pairs" | "shared", HostArrays> & Record<"scalars", Numbers>>;
    readonly gives: Numbers;
  };
  /** The rows of one micro-batch; `statistics` are those after the micro-batch before. */
  readonly encode: {
    readonly given: Readonly<Record<"pairs" | "statistics", HostArrays>>;
    readonly gives: Readonly<Record<"rows" | "statistics", HostArrays>>;
  };
  /** The loss of all rows. Begins the gradients: its own are set, all others are zero. */
  readonly compare: {
    readonly given: Readonly<Record<"rows" | "shared", HostArrays>>;
    readonly gives: { readonly numbers: Numbers; readonly cotangents: HostArrays };
  };
  /** Of the rows of all ranks, what this rank's tell: the first phase of `compare` in local form. */
  readonly sums: {
    readonly given: Readonly<Record<"rows" | "shared", HostArrays>> & { readonly place: RankPlace };
    readonly gives: HostArrays;
  };
  /**
   * The loss of all rows by the sums of all ranks, and the gradient by this rank's rows. Begins the gradients: this
   * rank's share of its own is set, all others are zero.
   */
  readonly slopes: {
    readonly given: Readonly<Record<"rows" | "shared" | "sums", HostArrays>> & { readonly place: RankPlace };
    readonly gives: StepCalls["compare"]["gives"];
  };
  /**
   * Adds one micro-batch's share to the gradients. The last of a step may come with `finished`, which a program that
   * was made ready for it (`Preparation.bucketBytes`) calls with paths of leaves as soon as their gradients are whole.
   */
  readonly pullBack: {
    readonly given: Readonly<Record<"pairs" | "cotangents", HostArrays>> & {
      readonly finished?: ((paths: readonly string[]) => void) | undefined;
    };
    readonly gives: void;
  };
  /**
   * Clips the gradients, moves what learns and replaces the statistics; gives `gradNorm`, the length of
   * the whole gradient before clipping. If loss or norm is not finite, the state stays as it was.
   */
  readonly update: {
    readonly given: {
      readonly scalars: Numbers;
      readonly loss: number;
      readonly statistics: HostArrays;
    };
    readonly gives: Numbers;
  };
}

/** Names of a step's functions. */
export type StepCall = keyof StepCalls;

/** What runs each function of a step. */
export type StepHandlers = {
  readonly [Name in StepCall]: (given: StepCalls[Name]["given"]) => Promise<StepCalls[Name]["gives"]>;
};

/** What a program is to be ready for. */
export interface Preparation {
  /** Only the shapes count. */
  readonly batch: StepBatch;
  /** Names of the step's numbers. */
  readonly scalars: readonly string[];
  /** How many programs compare their rows with each other's; 1 by default. */
  readonly ranks?: number | undefined;
  /** The place of a program that compares in local form, by `sums` and `slopes` and not by `compare`. */
  readonly local?: RankPlace | undefined;
  /**
   * Gradients of at least so many bytes are worth telling of before the others are there; only programs that know
   * where their gradients lie (`Program.stretches`) heed it.
   */
  readonly bucketBytes?: number | undefined;
}

/** A training step on an engine, with its state. One call at a time. */
export interface Program {
  /** Makes ready for batches shaped like this one; cheap if it is. Before each step. */
  prepare(what: Preparation): Promise<void>;
  /** Runs one function of the step. Borrows what it is given. */
  run<Name extends StepCall>(name: Name, given: StepCalls[Name]["given"]): Promise<StepCalls[Name]["gives"]>;
  /** One part of the state; where it lies on the host it is the live memory, to be used before the next call. */
  read<Part extends keyof ProgramState>(part: Part): Promise<ProgramState[Part]>;
  /**
   * The gradients of some leaves, where all lie in one array on the host: its stretches that hold these, as few as
   * can be, live. What lies between leaves of a stretch is zeros.
   */
  stretches?(isWanted: (path: string) => boolean): readonly Float32Array[];
  /** Copies this state in; leaves that are left out stay. */
  write(state: Partial<ProgramState>): Promise<void>;
  /** Frees what the engine holds. */
  dispose(): Promise<void>;
}

/** What an engine may be told about a program. */
export interface LoadOptions {
  /** How many shapes of batches stay compiled, each with its memory; 3 by default. */
  readonly maxCompiled?: number | undefined;
  /** Told when a step is compiled for batches of new shapes. @returns what to call when that is done. */
  readonly onCompile?: ((shapes: string) => () => void) | undefined;
}

/** Puts a step and its starting state, which is copied, on an engine. */
export type LoadProgram = (functions: StepFunctions, state: StartingState, options?: LoadOptions) => Promise<Program>;

/** A program of these handlers, which says so when it is used after `dispose`. */
export function programOf(handlers: StepHandlers, rest: Omit<Program, "run">): Program {
  const run: Program["run"] = (name, given) => handlers[name](given);
  return refuseAfterDisposal<Program>(
    { run, ...rest },
    {
      what: "This training program",
      remedy: "Read its state before, and load the step again to go on.",
    },
  );
}

/** The parts of a gradient. @throws ClipError "bad-argument" if a step has none. */
export function partsOf({ parts }: Pick<StepFunctions, "parts">): GradientParts {
  if (parts !== undefined) return parts;
  throw new ClipError(
    "bad-argument",
    "This step has no `parts`, so its batches cannot be split into micro-batches: give it encode, " +
      "compare and pullBack, or whole batches.",
  );
}

/** The local form of a step's comparison. @throws ClipError "unsupported" if it has none. */
export function localPartsOf(parts: Pick<GradientParts, "local"> | undefined): LocalParts {
  if (parts?.local !== undefined) return parts.local;
  throw new ClipError(
    "unsupported",
    "The loss of this step has no local form, in which each rank compares its own rows alone: set localLoss to false, " +
      "so that every rank compares all rows, or give the objective, and each of its terms, `local`.",
  );
}

/** The shape of a leaf that learns. @throws ClipError "bad-argument" if there is no such parameter. */
export function shapeOfLeaf(params: HostArrays, path: string): readonly number[] {
  const shape = params[path]?.shape;
  if (shape !== undefined) return shape;
  throw new ClipError("bad-argument", `There is no parameter "${path}" to be trained.`);
}
