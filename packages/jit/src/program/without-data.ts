import type { LeafSettings } from "./leaf-layout.ts";
import type { TrainingSpec } from "./training-spec.ts";

/** The same training, told shapes and types only: what keeps it keeps no second copy of parameters. */
export function withoutData<Settings extends LeafSettings>(
  spec: TrainingSpec<Settings>,
): TrainingSpec<Settings> {
  const params = Object.entries(spec.params).map(
    ([path, { data, shape }]) => [path, { data: data.slice(0, 0), shape }] as const,
  );
  return { ...spec, params: Object.fromEntries(params) };
}
