import { drawings, recipeData, recipeSettings } from "../quickstart/recipe.ts";
import { emojiSources } from "../emoji/definition.ts";
import { parseConfig, runOptions, type RunOptions } from "@clip-ts/trainer/training";

/** One way to train, as a run on the quickstart's emoji drawings. */
export interface Method {
  readonly name: string;
  /** What it shows, for the table. */
  readonly title: string;
  /** Language of the captions it learns. */
  readonly language: "en" | "de";
  /** The method whose model it starts from. */
  readonly from?: string;
  /** The method whose model teaches it. */
  readonly teacher?: string;
  /** Settings of its own. */
  readonly changes: Readonly<Record<string, unknown>>;
}

/** A smaller model that reads what the small one reads. */
const student = {
  preset: "tiny",
  imageSize: 48,
  contextLength: 32,
  vocabSize: 8192,
};

const schedule = (learningRate: number): object => ({
  kind: "cosine",
  learningRate,
  warmupSteps: 20,
});

/** For models that have learnt before: steps as small as their gradients say. */
const adamw = { kind: "adamw", weightDecay: 0.1 };

/** Where a language that the model has never read must be learnt. */
const words = "text_model.embeddings.token_embedding";

/** Recipes that adapt a model to German captions; all start from the same English one. */
const adaptations: readonly Method[] = [
  {
    name: "full",
    title: "fine-tune everything at the rate from scratch",
    language: "de",
    from: "scratch",
    changes: { schedule: schedule(2e-3), optimizer: adamw },
  },
  {
    name: "gentle",
    title: "fine-tune with a low rate, layer-wise decay and EMA",
    language: "de",
    from: "scratch",
    changes: {
      schedule: schedule(5e-4),
      optimizer: adamw,
      layerDecay: 0.8,
      ema: { decay: 0.98 },
    },
  },
  {
    name: "lit",
    title: "LiT: image tower locked",
    language: "de",
    from: "scratch",
    changes: { schedule: schedule(1e-3), optimizer: adamw, lock: { image: {} } },
  },
  {
    name: "lora",
    title: "LoRA, rank 16, and the words' embeddings",
    language: "de",
    from: "scratch",
    changes: {
      schedule: schedule(4e-3),
      optimizer: { ...adamw, multipliers: [[words, 0.25]] },
      lora: { rank: 16, alpha: 32, train: [words, "logit_scale"] },
    },
  },
];

/** Every method, those that others build on first. */
export const methods: readonly Method[] = [
  { name: "scratch", title: "from scratch, contrastive", language: "en", changes: {} },
  {
    name: "sigmoid",
    title: "from scratch, sigmoid loss",
    language: "en",
    changes: { loss: { kind: "sigmoid" } },
  },
  { name: "student", title: "smaller model alone", language: "en", changes: { model: student } },
  {
    name: "distilled",
    title: "smaller model, distilled",
    language: "en",
    teacher: "scratch",
    changes: { model: student },
  },
  ...adaptations,
];

/** A method with those that it builds on, in the order they must run. */
export function withNeeded(names: readonly string[]): Method[] {
  const needed = new Set<string>();
  const add = (name: string): void => {
    const method = methods.find((other) => other.name === name);
    if (method === undefined) return;
    for (const before of [method.from, method.teacher]) if (before !== undefined) add(before);
    needed.add(name);
  };
  names.forEach(add);
  return methods.filter(({ name }) => needed.has(name));
}

/** How the methods are run. */
export interface MethodOptions {
  readonly engine: string;
  readonly steps: number;
  /** Folder of a method's run. */
  readonly folderOf: (name: string) => string;
}

/** A method's run: the quickstart's data and optimiser, with the method's changes. */
export function methodRun(method: Method, { engine, steps, folderOf }: MethodOptions): RunOptions {
  const { name, language, from, teacher, changes } = method;
  const train = { ...drawings, locales: [language] };
  const settings = {
    ...recipeSettings({ run: folderOf(name), engine, steps }),
    model: { preset: "small" }, // transformers on both sides: adapters have something to adapt
    data: { ...recipeData, train, batchSize: 64 },
    checkpoint: { every: steps, keep: 1 },
    ...(from === undefined ? {} : { model: { from: folderOf(from) } }),
    ...(teacher === undefined ? {} : { distill: { from: folderOf(teacher), weight: 1 } }),
    ...changes,
  };
  return runOptions(parseConfig(settings, name, emojiSources), emojiSources);
}
