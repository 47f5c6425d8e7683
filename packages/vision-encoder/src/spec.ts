import type { ParamSpec } from "@clip-ts/core";
import type { VisionConfig } from "./config.ts";
import { visionTower } from "./towers.ts";
import type { VisionParams } from "./vision-tower.ts";

/** Shapes and starting values of the tower; takes no memory. */
export function visionSpec(config: VisionConfig): VisionParams<ParamSpec> {
  return visionTower(config).spec(config);
}

/** Length of the tower's `pooled` feature. */
export function visionFeatureWidth(config: VisionConfig): number {
  return visionTower(config).width(config);
}
