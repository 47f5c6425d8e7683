import { lossOf, type ClipConfig } from "../config.ts";
import type { LossConfig, LossOfKind } from "../loss-config.ts";
import { contrastive } from "./contrastive.ts";
import { multiPositive } from "./multi-positive.ts";
import type { PairObjective } from "./pair-objective.ts";
import { sigmoid } from "./sigmoid.ts";

/** How the objective of each kind of loss is made. */
type Makers = {
  readonly [Kind in LossConfig["kind"]]: (
    config: ClipConfig,
    loss: LossOfKind<Kind>,
  ) => PairObjective;
};

const makers: Makers = {
  contrastive: (config, loss) =>
    loss.multiPositive === true ? multiPositive(config, loss) : contrastive(config, loss),
  sigmoid: (config) => sigmoid(config),
};

/** The objective that a model's config asks for: the one that `forward` shows and that trains. */
export function objectiveOf(config: ClipConfig): PairObjective {
  const loss = lossOf(config);
  const make = makers[loss.kind] as (config: ClipConfig, loss: LossConfig) => PairObjective;
  return make(config, loss);
}
