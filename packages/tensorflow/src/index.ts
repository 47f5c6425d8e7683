export { tensorflowLoader } from "./load-tensorflow.ts";
export type { TensorflowLoadOptions } from "./training-holder.ts";
export { compileTensorflow, type TensorflowOptions } from "./compile-tensorflow.ts";
export type { OwnOperations, Precision } from "./graph-builder.ts";
export type { FolderAccess } from "./session.ts";
export { createTensorflowProgram, type TensorflowProgram } from "./tensorflow-program.ts";
export { writeSavedModel, type ProgramSpec, type SavedModel } from "./write-saved-model.ts";
