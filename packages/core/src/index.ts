export { flattenTree, mapTree, unflattenLike, type FlatTree, type TreeOf } from "./tree.ts";
export {
  countParams,
  initParams,
  normal,
  ones,
  param,
  sizeOf,
  zeros,
  type Initialiser,
  type ParamSpec,
} from "./spec.ts";
