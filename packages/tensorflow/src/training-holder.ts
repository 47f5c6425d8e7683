import { pickLeaves, sizeOf } from "@clip-ts/core";
import type { HostArray, HostArrays, ProgramState, StartingState, StepFunctions } from "@clip-ts/jit";
import {
  flattenNames,
  type LeafSpecs,
  type NameTree,
  nestNames,
  shapeOfLeaf,
  specsOf,
  type StepSource,
} from "@clip-ts/jit/backend";
import type { OwnOperations, Precision } from "./graph-builder.ts";
import type { FolderAccess } from "./session.ts";
import type { PreparedEntries, StepEntries } from "./step-entries.ts";
import { slotSpecs } from "./update-traces.ts";
import { createTensorflowModule, type TensorflowModule } from "./tensorflow-module.ts";
import type { SavedModelSpec } from "./write-saved-model.ts";

/** How a training is put on TensorFlow. */
export interface TensorflowLoadOptions extends OwnOperations {
  readonly folders: FolderAccess;
  readonly precision?: Precision | undefined;
}

/** What a training keeps in TensorFlow: parameters, slots, and gradients as they are added up. */
export interface KeptSpecs {
  readonly param: LeafSpecs;
  readonly slot: Readonly<Record<string, LeafSpecs>>;
  readonly grad: LeafSpecs;
}

export function keptSpecs({ update }: StepFunctions, params: HostArrays): KeptSpecs {
  const paths = Object.keys(update.leaves);
  for (const path of paths) shapeOfLeaf(params, path);
  const param = specsOf(params);
  const learnt = pickLeaves(param, paths);
  return { param, slot: slotSpecs(update, learnt), grad: learnt };
}

/** The state as the module's variables are called. */
const variablesOf = ({ params = {}, slots = {} }: Partial<ProgramState>): HostArrays =>
  flattenNames<HostArray>({ param: params, slot: slots });

/** State with zeros for what has not been given yet. */
function filledUp(state: HostArrays, specs: LeafSpecs): HostArrays {
  const all = Object.entries(specs).map(([name, { shape }]): [string, HostArray] => {
    return [name, state[name] ?? { data: new Float32Array(sizeOf(shape)), shape }];
  });
  return Object.fromEntries(all);
}

/** Everything that a training on TensorFlow is made of but its state. */
export interface Loaded {
  readonly source: StepSource;
  readonly specs: KeptSpecs;
  readonly options: TensorflowLoadOptions;
}

/** The entry points that a module has, and what passes between them. */
interface Entries {
  readonly known: StepEntries;
  readonly kept: LeafSpecs;
  /** Whether gradients are read and written between runs. */
  readonly isShared: boolean;
}

/** A module that holds all entry points known so far; it is made anew when one more comes. */
export interface Holder {
  /** Runs an entry point. */
  run(name: string, given: NameTree<HostArray>): Promise<NameTree<HostArray>>;
  /** Adds entry points; the state moves to a module that has them too. */
  add(prepared: PreparedEntries, sharesGradients: boolean): Promise<void>;
  /** Sets the gradients to zero. */
  clearGradients(): Promise<void>;
  read<Part extends keyof ProgramState>(part: Part): Promise<ProgramState[Part]>;
  write(state: Partial<ProgramState>): Promise<void>;
  dispose(): Promise<void>;
}

/** What a module with all these entry points is made of. */
function moduleWith(
  { source: { functions }, specs, options }: Loaded,
  { known, kept, isShared }: Entries,
): SavedModelSpec {
  const { param, slot, grad } = specs;
  const exact = pickLeaves(param, [...(functions.exact ?? [])]);
  const exactNames = new Set(Object.keys(flattenNames({ param: exact })));
  const { folders: _, precision = "f32", ...own } = options;
  const entryPoints = Object.entries(known).map(([name, each]) => [name, each.entryPoint] as const);
  return {
    state: flattenNames({ param, slot }),
    scratch: functions.parts === undefined ? {} : flattenNames({ grad }),
    kept,
    sharesScratch: isShared,
    entryPoints: Object.fromEntries(entryPoints),
    precision,
    ...own,
    staysExact: (name) => exactNames.has(name),
  };
}

/** Reads the parts of a state, wherever it is now. */
function readersOf(
  { param, slot, grad }: KeptSpecs,
  now: () => { readonly module: TensorflowModule | undefined; readonly waiting: HostArrays },
): { readonly [Part in keyof ProgramState]: () => Promise<ProgramState[Part]> } {
  const read = async <Group extends NameTree<LeafSpecs[string]>>(group: Group): Promise<NameTree<HostArray>> => {
    const specs = flattenNames<LeafSpecs[string]>(group);
    const { module, waiting } = now();
    const arrays = await (module?.readState((name) => name in specs) ?? filledUp(waiting, specs));
    return nestNames(group, arrays);
  };
  return {
    params: async () => (await read({ param }))["param"] as HostArrays,
    slots: async () => (await read({ slot }))["slot"] as ProgramState["slots"],
    async gradients() {
      const gradients = await now().module?.readScratch();
      return nestNames({ grad }, gradients ?? {})["grad"] as HostArrays;
    },
  };
}

/** Holds a training's state, in TensorFlow once there is an entry point. */
export function createHolder(loaded: Loaded, start: StartingState): Holder {
  const { folders } = loaded.options;
  let entries: Entries = { known: {}, kept: {}, isShared: false };
  let waiting = variablesOf(start);
  let module: TensorflowModule | undefined;

  /** A function of its own, so that nothing holds the state that was handed over once it returns. */
  const load = async (): Promise<void> => {
    const before = module === undefined ? waiting : await module.readState();
    await module?.dispose();
    module = await createTensorflowModule(moduleWith(loaded, entries), folders);
    await module.writeState(before);
    waiting = {};
  };
  const readers = readersOf(loaded.specs, () => ({ module, waiting }));
  return {
    async run(name, given) {
      const results = await (module as TensorflowModule).run(name, flattenNames(given));
      return nestNames(entries.known[name]?.outputs ?? {}, results);
    },
    async add(prepared, sharesGradients) {
      entries = {
        known: { ...entries.known, ...prepared.entries },
        kept: { ...entries.kept, ...prepared.kept },
        isShared: entries.isShared || sharesGradients,
      };
      await load();
    },
    clearGradients: async () => module?.clearScratch(),
    read: (part) => readers[part](),
    async write(next) {
      if (module === undefined) waiting = { ...waiting, ...variablesOf(next) };
      else await module.writeState(variablesOf(next));
      if (next.gradients !== undefined) {
        await module?.writeScratch(flattenNames({ grad: next.gradients }));
      }
    },
    dispose: async () => module?.dispose(),
  };
}
