export { compileTowers, type CompiledTowers, type TowerWeights } from "./compiled-towers.ts";
export { engineEmbedder, engineTowers } from "./engine-towers.ts";
