import { ClipError } from "@clip-ts/base";
import {
  initHostParams,
  pickLeaves,
  sizeOf,
  type FlatTree,
  type HostArray,
  type HostArrays,
  type ParamSpec,
} from "@clip-ts/core";
import { mergeLoraArrays } from "@clip-ts/optim";
import type { TrainingState } from "./create-training.ts";
import { emaSlot } from "./step-functions.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** What a training makes: the model itself, and its moving average if there is one; leaves by path. */
export interface TrainedModels {
  readonly model: HostArrays;
  readonly ema?: HostArrays;
}

/** The model's own leaves, adapters added in. Leaves without one are the given arrays themselves. */
function merged({ model, adapters, lora }: TrainingPlan, leaves: HostArrays): HostArrays {
  const own = pickLeaves(leaves, Object.keys(model));
  return lora === undefined ? own : mergeLoraArrays(own, pickLeaves(leaves, Object.keys(adapters)), lora);
}

/** The models of a state. They share its arrays. */
export function trainedModels(
  plan: TrainingPlan,
  { params, slots: { [emaSlot]: average } }: Pick<TrainingState, "params" | "slots">,
): TrainedModels {
  return {
    model: merged(plan, params),
    ...(average !== undefined && { ema: merged(plan, { ...params, ...average }) }),
  };
}

/** Where a training may start. */
export interface StartOptions {
  readonly params?: HostArrays | undefined;
  readonly seed?: number | undefined;
  readonly ema?: { readonly decay: number } | undefined;
  readonly accumulate?: number | undefined;
  readonly clipNorm?: number | undefined;
  readonly state?: TrainingState | undefined;
}

function refuse(what: string, data: Readonly<Record<string, unknown>>): never {
  throw new ClipError("bad-argument", what, { data });
}

/** What each number of a training should be. */
const numberRules = {
  accumulate: ["micro-batches, 1 or more", (value: number) => Number.isInteger(value) && value > 0],
  clipNorm: ["a length above 0", (value: number) => value > 0],
  "ema.decay": ["a number from 0 to 1", (value: number) => value >= 0 && value <= 1],
  "state.step": ["steps taken so far, 0 or more", (value: number) => Number.isInteger(value) && value >= 0],
} as const;

/** Refuses numbers that no training can be told. */
export function checkNumbers({ accumulate, clipNorm, ema, state }: StartOptions): void {
  const told = { accumulate, clipNorm, "ema.decay": ema?.decay, "state.step": state?.step };
  for (const [name, [wanted, isRight]] of Object.entries(numberRules)) {
    const value = told[name as keyof typeof told];
    if (value === undefined || isRight(value)) continue;
    refuse(`${name} should be ${wanted}; got ${value}.`, { [name]: value });
  }
}

const listed = (paths: readonly string[]): string =>
  `${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ` and ${paths.length - 3} more` : ""}`;

const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** Refuses an array that is not what a leaf is. */
function checkLeaf(what: string, path: string, { data, shape }: HostArray, spec: ParamSpec): void {
  const size = sizeOf(spec.shape);
  const isSame = shapeText(shape) === shapeText(spec.shape) && data.length === size;
  if (isSame && data instanceof Float32Array) return;
  const found = `${data.length} values of ${data.constructor.name} as ${shapeText(shape)}`;
  const wanted = shapeText(spec.shape);
  refuse(`${what}: "${path}" should be float32 ${wanted}; got ${found}.`, { path });
}

/** Refuses arrays of other leaves or shapes than these, and missing ones unless they may be left out. */
function checkLeaves(
  what: string,
  arrays: HostArrays,
  { specs, mayMiss = false }: { readonly specs: FlatTree<ParamSpec>; readonly mayMiss?: boolean },
): void {
  const missing = mayMiss ? [] : Object.keys(specs).filter((path) => !(path in arrays));
  if (missing.length > 0) refuse(`${what} lack ${listed(missing)}.`, { missing });
  const unknown = Object.keys(arrays).filter((path) => !(path in specs));
  if (unknown.length > 0) {
    refuse(`${what} hold ${listed(unknown)}, which the model does not have.`, { unknown });
  }
  for (const [path, array] of Object.entries(arrays)) {
    checkLeaf(what, path, array, specs[path] as ParamSpec);
  }
}

/** What is remembered of each leaf that learns: names, and their shapes. */
export interface SlotLayout {
  readonly slots: readonly string[];
  readonly slotShape: (slot: string, path: string) => readonly number[];
}

/** Refuses a state of another training than this one. */
function checkState(
  { model, adapters, trained }: TrainingPlan,
  { params, slots }: TrainingState,
  { slots: wanted, slotShape }: SlotLayout,
): void {
  checkLeaves("The state's params", params, { specs: { ...model, ...adapters } });
  const found = Object.keys(slots);
  if (found.toSorted().join() !== wanted.toSorted().join()) {
    const [own, other] = [wanted, found].map((names) => names.join(", ") || "nothing");
    refuse(`The state remembers ${other}; this training's optimizer and ema keep ${own}.`, {
      found,
    });
  }
  for (const [slot, leaves] of Object.entries(slots)) {
    const specs = Object.entries(trained).map(([path, spec]) => [path, { ...spec, shape: slotShape(slot, path) }]);
    checkLeaves(`The state's ${slot}`, leaves, { specs: Object.fromEntries(specs) as FlatTree<ParamSpec> });
  }
}

/**
 * Where a training starts: drawn, given, or where another one stood.
 * @throws ClipError "bad-argument" that names what does not belong to this training.
 */
export function startingState(
  plan: TrainingPlan,
  { params = {}, seed = 0, ema, state }: StartOptions,
  layout: SlotLayout,
): TrainingState {
  if (state !== undefined) {
    checkState(plan, state, layout);
    return state;
  }
  const specs = { ...plan.model, ...plan.adapters };
  checkLeaves("params", params, { specs, mayMiss: true });
  const missing = Object.entries(specs).filter(([path]) => params[path] === undefined);
  const leaves = { ...params, ...initHostParams(Object.fromEntries(missing), seed) };
  const learnt = pickLeaves(leaves, Object.keys(plan.trained));
  const average = ema === undefined ? {} : { [emaSlot]: learnt };
  return { step: 0, params: leaves, slots: average };
}

/** The name of the adapters among a checkpoint's slots. */
const loraSlot = "lora";

/** What files keep of a training: models that can be used as they are, and what going on takes besides. */
export interface TrainingCheckpoint extends TrainedModels {
  readonly step: number;
  /** What is remembered of each leaf that learns, by slot, then by path; the adapters as `lora`. */
  readonly slots: Readonly<Record<string, HostArrays>>;
  /** The adapters by path; none without LoRA. */
  readonly adapters: HostArrays;
}

/** What a checkpoint of a training holds. It shares the state's arrays. */
export function checkpointOf(plan: TrainingPlan, state: TrainingState): TrainingCheckpoint {
  const { step, params, slots } = state;
  const adapters = pickLeaves(params, Object.keys(plan.adapters));
  const all = plan.lora === undefined ? slots : { ...slots, [loraSlot]: adapters };
  return { step, ...trainedModels(plan, state), slots: all, adapters };
}

/** Names of the slots of a checkpoint, given those of a training's state. */
export const checkpointSlots = (plan: TrainingPlan, slots: readonly string[]): readonly string[] =>
  plan.lora === undefined ? slots : [...slots, loraSlot];

/**
 * The state that a checkpoint holds. With LoRA a checkpoint's model has the adapters in it: `base` brings
 * the weights that these were added to.
 */
export function stateOf(
  plan: TrainingPlan,
  { step, model, slots }: Pick<TrainingCheckpoint, "step" | "model" | "slots">,
  base: HostArrays = model,
): TrainingState {
  const { [loraSlot]: adapters = {}, ...own } = slots;
  const adapted = pickLeaves(base, plan.adapted);
  return { step, params: { ...model, ...adapters, ...adapted }, slots: own };
}
