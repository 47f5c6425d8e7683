import type { Device, EngineName, EngineOptions } from "@clip-ts/engines";
import type { MaxSkipped } from "@clip-ts/data";
import type { Color } from "@clip-ts/image";
import type { TrainingDataOptions } from "./batches.ts";
import type { Settings } from "./load-config.ts";
import type { RunModelOptions } from "./model.ts";
import type { SourceDefinitions, SourceOptions } from "./sources.ts";
import type { RunTrainingOptions } from "./training-options.ts";

/** What computes. */
export interface RunEngineOptions extends EngineOptions {
  readonly name: EngineName | "auto";
  /** A GPU is used if there is one by default. */
  readonly device?: Device | undefined;
}

/** Retrieval of a data set's images and captions by each other. */
export interface RetrievalOptions {
  readonly data: SourceOptions;
  /** Each image's first caption, or all. */
  readonly captions: "first" | "all";
  /** At most so many images. */
  readonly limit?: number | undefined;
}

/** Classification of images by their classes' names. */
interface ZeroShotOptions {
  /** Holds a folder of images for each class. */
  readonly folder: string;
  /** "imagenet", or a file with the classes' names, one a line; the folders' own by default. */
  readonly names?: string | undefined;
  /** "openai", "simple" or a file. */
  readonly templates: string;
  /** At most so many images of each class. */
  readonly limit?: number | undefined;
}

/** What a run evaluates, and how often. */
export interface EvaluationOptions {
  /** Steps between evaluations; the last step is evaluated too. */
  readonly every: number;
  readonly retrieval?: RetrievalOptions | undefined;
  /** Pairs that the loss of retrieval compares with each other: those of a micro-batch. */
  readonly batchSize: number;
  readonly zeroShot?: ZeroShotOptions | undefined;
  /** Whether the run keeps a moving average and evaluates that too. */
  readonly ofAverage: boolean;
  /** Images that may be unreadable; 1 %, but never fewer than 10, by default. */
  readonly maxSkipped?: MaxSkipped | undefined;
  /** Colour behind transparent pixels; as the model's preprocessing says by default. */
  readonly background?: Color | undefined;
  readonly seed: number;
}

/** When a run no longer gets better. */
export interface EarlyStoppingOptions {
  /** A number that evaluation reports. */
  readonly metric: string;
  /** Evaluations in a row without a better value. */
  readonly patience: number;
  /** By how much a value has to be better to count. */
  readonly minDelta: number;
}

/** Which model teaches, and what it is shown. */
export interface TeacherOptions {
  readonly distill: { readonly from: string };
  /** How images are changed at random, and what is read of the data. */
  readonly data: Pick<TrainingDataOptions, "augment" | "view" | "train" | "bucketMultiple">;
  /** Micro-batches that it computes at a time: the student's. */
  readonly parts: number;
}

/** What a run reads that has to stay the same. */
export interface IdentityOptions {
  readonly train: SourceOptions;
  /** The model that it goes on from, or the config that describes it. */
  readonly from?: string | undefined;
  readonly config?: string | undefined;
  /** Weights that its towers start from. */
  readonly vision?: string | undefined;
  readonly text?: string | undefined;
  /** The model that it learns from. */
  readonly teacher?: string | undefined;
  /** Whether adapters learn in the place of the weights, which are then read again. */
  readonly hasAdapters: boolean;
}

/** Where checkpoints go, and what one says of its run. */
export interface CheckpointOptions {
  /** Folder of the run. */
  readonly run: string;
  /** Steps between checkpoints. */
  readonly every: number;
  /** How many are kept. */
  readonly keep: number;
  readonly seed: number;
  /** Pairs of a step, over all ranks. */
  readonly globalBatch: number;
  /** The schedule's, of which a diverged run is told a tenth. */
  readonly learningRate: number;
}

/** What progress is shown of, and where it is written. */
export interface ProgressOptions {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Gets a line of JSON for each step and evaluation. */
  readonly metricsFile: string;
  /** Steps between lines of the file. */
  readonly logEvery: number;
  /** Folder that gets TensorBoard's event file; none by default. */
  readonly eventFolder?: string | undefined;
}

/** A run, as options of the parts that it is made of. */
export interface RunOptions {
  /** Folder that receives checkpoints, metrics and the settings. */
  readonly run: string;
  readonly steps: number;
  /** What these options were read from: recorded with the run, and compared when it goes on. */
  readonly settings: Settings;
  /** Kinds of source that its settings may name beside the trainer's own. */
  readonly sources: SourceDefinitions;
  readonly engine: RunEngineOptions;
  /** Every stored model that the run reads, to be fetched before it begins. */
  readonly storedModels: readonly string[];
  readonly model: RunModelOptions;
  readonly data: TrainingDataOptions;
  readonly identity: IdentityOptions;
  /** What a step computes. */
  readonly training: RunTrainingOptions;
  readonly teacher: TeacherOptions | undefined;
  readonly evaluation: EvaluationOptions | undefined;
  readonly earlyStopping: EarlyStoppingOptions | undefined;
  readonly checkpoints: CheckpointOptions;
  readonly progress: ProgressOptions;
}
