import { ClipError } from "@clip-ts/base";
import type { HostArrays } from "../program/host-array.ts";
import { openSession, type FolderAccess } from "./session.ts";
import { writeSavedModel, type ProgramSpec } from "./write-saved-model.ts";

/** Steps whose state stays in TensorFlow: on a GPU, on the device. */
export interface TensorflowProgram {
  /** Runs one step: replaces the state it updates and returns its other outputs. */
  run(step: string, inputs: HostArrays): Promise<HostArrays>;
  /** A copy of the whole state. */
  readState(): Promise<HostArrays>;
  /** Replaces the whole state. Borrows the arrays. */
  writeState(state: HostArrays): Promise<void>;
  /** Frees the state. */
  dispose(): Promise<void>;
}

/**
 * Makes steps that share state ready to run in TensorFlow; tfjs's backend "tensorflow" must be loaded.
 * The state has no values before `writeState`.
 */
export async function createTensorflowProgram(
  spec: ProgramSpec,
  folders: FolderAccess,
): Promise<TensorflowProgram> {
  const session = await openSession(writeSavedModel(spec), folders);
  let hasState = Object.keys(spec.state ?? {}).length === 0;
  const needState = (): void => {
    if (hasState) return;
    throw new ClipError("bad-argument", "The program has no state yet; call writeState first.");
  };
  return {
    async run(step, inputs) {
      needState();
      return session.run(step, inputs);
    },
    async readState() {
      needState();
      return session.run("read", {});
    },
    async writeState(state) {
      await session.run("write", state);
      hasState = true;
    },
    dispose: () => session.dispose(),
  };
}
