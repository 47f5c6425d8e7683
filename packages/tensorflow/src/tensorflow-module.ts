import { ClipError, refuseAfterDisposal } from "@clip-ts/base";
import { checkArray, disposableFunction, type CompiledFunction, type Graph, type HostArrays } from "@clip-ts/jit";
import type { OwnOperations, Precision } from "./graph-builder.ts";
import {
  clearInput,
  openSession,
  stateGroups,
  type FolderAccess,
  type StateSignatures,
  type TensorflowSession,
} from "./session.ts";
import { roundEntry, writeSavedModel, type SavedModelSpec } from "./write-saved-model.ts";

/** Entry points over one state, which stays in TensorFlow: on a GPU, on the device. */
export interface TensorflowModule {
  /** Runs an entry point: replaces the state it updates and returns its other outputs, if wanted `into` arrays. */
  run(entryPoint: string, inputs: HostArrays, into?: HostArrays): Promise<HostArrays>;
  /** Fills the scratch tensors with zeros. */
  clearScratch(): Promise<void>;
  /** A copy of the state, or of those groups of it (see `stateGroups`) that have a wanted name. */
  readState(isWanted?: (name: string) => boolean): Promise<HostArrays>;
  /**
   * Replaces the state tensors that are given; those never given are zeros. Borrows the arrays. State is
   * written in groups (see `stateGroups`): tensors left out of a group that has been written are kept.
   */
  writeState(state: HostArrays): Promise<void>;
  /** A copy of the scratch tensors; only with `sharesScratch`. */
  readScratch(): Promise<HostArrays>;
  /** Replaces the scratch tensors that are given; only with `sharesScratch`. Borrows the arrays. */
  writeScratch(arrays: HostArrays): Promise<void>;
  /** Frees the state. */
  dispose(): Promise<void>;
}

const pick = (state: HostArrays, names: readonly string[]): HostArrays =>
  Object.fromEntries(names.flatMap((name) => (state[name] === undefined ? [] : [[name, state[name]]])));

/** Reads groups of state tensors, one after the other. */
async function readGroups(session: TensorflowSession, groups: readonly StateSignatures[]): Promise<HostArrays> {
  const state: Record<string, HostArrays[string]> = {};
  for (const { read } of groups) Object.assign(state, await session.run(read, {}));
  return state;
}

/** What entry points add up for themselves, and what of it others may see. */
function scratchOf(
  session: TensorflowSession,
  { scratch = {}, sharesScratch }: SavedModelSpec,
): Pick<TensorflowModule, "clearScratch" | "readScratch" | "writeScratch"> {
  const groups = stateGroups(scratch);
  const needSharing = (): void => {
    if (sharesScratch === true) return;
    throw new ClipError(
      "unsupported",
      "TensorFlow keeps what is added up for itself; only a step that exchanges it shows it.",
    );
  };
  return {
    async clearScratch() {
      for (const { clear } of groups) await session.run(clear, clearInput);
    },
    async readScratch() {
      needSharing();
      return readGroups(session, groups);
    },
    async writeScratch(arrays) {
      needSharing();
      const all = { ...(await readGroups(session, groups)), ...arrays };
      for (const { write, names } of groups) await session.run(write, pick(all, names));
    },
  };
}

/**
 * Makes entry points that share state ready to run in TensorFlow; tfjs's backend "tensorflow" must be loaded.
 * The state has no values before `writeState`.
 */
export async function createTensorflowModule(spec: SavedModelSpec, folders: FolderAccess): Promise<TensorflowModule> {
  const model = writeSavedModel(spec);
  const isRounding = roundEntry in model.signatures;
  const session = await openSession(model, folders);
  const groups = stateGroups(spec.state ?? {});
  const cleared = new Set<StateSignatures>();
  const needState = (): void => {
    if (cleared.size === groups.length) return;
    throw new ClipError("bad-argument", "The program has no state yet; call writeState first.");
  };
  const writeGroup = async (group: StateSignatures, given: HostArrays): Promise<void> => {
    const isWhole = Object.keys(given).length === group.names.length;
    const isEmpty = Object.keys(given).length === 0;
    if (!isWhole && !cleared.has(group)) await session.run(group.clear, clearInput);
    cleared.add(group);
    if (isEmpty) return;
    const others = isWhole ? {} : await session.run(group.read, {});
    await session.run(group.write, { ...others, ...given });
  };
  const module: TensorflowModule = {
    async run(entryPoint, inputs, into) {
      needState();
      return session.run(entryPoint, inputs, into);
    },
    ...scratchOf(session, spec),
    async readState(isWanted = () => true) {
      needState();
      return readGroups(
        session,
        groups.filter(({ names }) => names.some(isWanted)),
      );
    },
    async writeState(state) {
      for (const group of groups) await writeGroup(group, pick(state, group.names));
      if (isRounding) await session.run(roundEntry, {});
    },
    dispose: () => session.dispose(),
  };
  return refuseAfterDisposal(module, {
    what: "This TensorFlow program",
    remedy: "Make it again, or dispose it only after its last step.",
  });
}

/** How a pure function is compiled for TensorFlow. */
export interface TensorflowOptions extends OwnOperations {
  readonly folders: FolderAccess;
  readonly precision?: Precision;
  /** Inputs that TensorFlow keeps, rounded once, until another array comes for them. */
  readonly lasting?: readonly string[];
}

/** With inputs that stay in TensorFlow between runs. */
async function compileWithState(
  graph: Graph,
  { folders, lasting = [], ...how }: TensorflowOptions,
): Promise<CompiledFunction> {
  const kept = graph.inputs.filter(({ name }) => lasting.includes(name));
  const state = Object.fromEntries(kept.map(({ name, value }) => [name, value]));
  const module = await createTensorflowModule({ state, entryPoints: { run: { graph } }, ...how }, folders);
  let held: HostArrays = {};
  return disposableFunction({
    async run(inputs, into) {
      const given = kept.map(({ name, value }) => [name, checkArray(value, name, inputs[name])]);
      const next = Object.fromEntries(given) as HostArrays;
      if (kept.some(({ name }) => next[name] !== held[name])) await module.writeState(next);
      held = next;
      return module.run("run", inputs, into);
    },
    dispose: () => module.dispose(),
  });
}

/** Makes a pure function ready to run in TensorFlow; tfjs's backend "tensorflow" must be loaded. */
export async function compileTensorflow(graph: Graph, options: TensorflowOptions): Promise<CompiledFunction> {
  const { folders, lasting = [], ...how } = options;
  if (lasting.length > 0) return compileWithState(graph, options);
  const model = writeSavedModel({ entryPoints: { run: { graph } }, ...how });
  const session = await openSession(model, folders);
  return disposableFunction({
    run: (inputs, into) => session.run("run", inputs, into),
    dispose: () => session.dispose(),
  });
}
