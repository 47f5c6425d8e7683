import { ClipError, refuseAfterDisposal } from "@clip-ts/base";
import type { HostArrays } from "@clip-ts/jit";
import { openSession, type FolderAccess, type TensorflowSession } from "./session.ts";
import { clearInput, stateGroups, type StateSignatures } from "./state-access.ts";
import { roundEntry, writeSavedModel, type ProgramSpec } from "./write-saved-model.ts";

/** Steps whose state stays in TensorFlow: on a GPU, on the device. */
export interface TensorflowProgram {
  /** Runs one step: replaces the state it updates and returns its other outputs, if wanted `into` arrays. */
  run(step: string, inputs: HostArrays, into?: HostArrays): Promise<HostArrays>;
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
  Object.fromEntries(
    names.flatMap((name) => (state[name] === undefined ? [] : [[name, state[name]]])),
  );

/** Reads groups of state tensors, one after the other. */
async function readGroups(
  session: TensorflowSession,
  groups: readonly StateSignatures[],
): Promise<HostArrays> {
  const state: Record<string, HostArrays[string]> = {};
  for (const { read } of groups) Object.assign(state, await session.run(read, {}));
  return state;
}

/** What steps add up for themselves, and what of it others may see. */
function scratchOf(
  session: TensorflowSession,
  { scratch = {}, sharesScratch }: ProgramSpec,
): Pick<TensorflowProgram, "clearScratch" | "readScratch" | "writeScratch"> {
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
 * Makes steps that share state ready to run in TensorFlow; tfjs's backend "tensorflow" must be loaded.
 * The state has no values before `writeState`.
 */
export async function createTensorflowProgram(
  spec: ProgramSpec,
  folders: FolderAccess,
): Promise<TensorflowProgram> {
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
  const program: TensorflowProgram = {
    async run(step, inputs, into) {
      needState();
      return session.run(step, inputs, into);
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
  return refuseAfterDisposal(program, {
    what: "This TensorFlow program",
    remedy: "Make it again, or dispose it only after its last step.",
  });
}
