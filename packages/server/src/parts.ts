import type { PictureIndex } from "@clip-ts/picture-index";
import type { Admission } from "./admission.ts";
import type { BodyReader } from "./body.ts";
import type { Features, ServedModel } from "./features.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import type { Pictures } from "./pictures.ts";
import type { Probe } from "./probe.ts";

/** What routes work with. */
export interface Parts {
  readonly name: string;
  readonly model: ServedModel;
  readonly index: PictureIndex | undefined;
  readonly showsPaths: boolean;
  readonly limits: Limits;
  readonly features: Features;
  readonly pictures: Pictures;
  readonly bodies: BodyReader;
  /** Of requests with a body. */
  readonly requests: Admission;
  /** Of texts and pictures. */
  readonly inputs: Admission;
  readonly metrics: Metrics;
  readonly probe: Probe;
  /** Seconds since 1970 when the server was made. */
  readonly created: number;
}
