export { tensorflowLoader } from "./load-tensorflow.ts";
export type { TensorflowLoadOptions } from "./training-holder.ts";
export {
  compileTensorflow,
  createTensorflowModule,
  type TensorflowOptions,
  type TensorflowModule,
} from "./tensorflow-module.ts";
export type { OwnOperations, Precision } from "./graph-builder.ts";
export type { FolderAccess } from "./session.ts";
export { writeSavedModel, type SavedModelSpec, type SavedModel } from "./write-saved-model.ts";
