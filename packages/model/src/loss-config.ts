import type { Section } from "./config-files/section.ts";

/** What training makes small. */
export type LossConfig =
  | {
      /** Softmax over the batch both ways (Radford et al. 2021). */
      readonly kind: "contrastive";
      /** Share of every target spread over the whole batch; 0 by default. */
      readonly labelSmoothing?: number;
      /** Whether every equal caption of the batch counts as right; false by default. */
      readonly multiPositive?: boolean;
    }
  | {
      /** Every pair judged alone, with a bias (Zhai et al. 2023). */
      readonly kind: "sigmoid";
    };

/** The loss of one kind. */
export type LossOfKind<Kind extends LossConfig["kind"]> = Extract<LossConfig, { kind: Kind }>;

/** How files say what there is to say of each kind. */
type Readers = {
  readonly [Kind in LossConfig["kind"]]: (section: Section) => Omit<LossOfKind<Kind>, "kind">;
};

const readers: Readers = {
  contrastive: (section) => ({
    ...(section.has("labelSmoothing") && { labelSmoothing: section.share("labelSmoothing") }),
    ...(section.has("multiPositive") && { multiPositive: section.flag("multiPositive", false) }),
  }),
  sigmoid: () => ({}),
};

/** Reads a loss; its kind decides which keys there are. */
export function parseLoss(section: Section): LossConfig {
  const kinds = Object.keys(readers) as LossConfig["kind"][];
  const kind = section.choice("kind", kinds);
  return { kind, ...readers[kind](section) };
}
