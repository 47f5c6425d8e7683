import type { ClipErrorCode } from "@clip-ts/base";
import type { Classification } from "@clip-ts/model";

/** One drawing of the collection. */
export interface Emoji {
  /** File name below /emoji/. */
  readonly file: string;
  readonly label: string;
}

/** A drawing and its cosine with the query. */
export interface RankedEmoji extends Emoji {
  readonly similarity: number;
}

/** What the page says about the model at its foot. */
export interface ModelInfo {
  /** Such as "WebAssembly SIMD". */
  readonly engine: string;
  readonly parameters: number;
  /** Side of the images the model sees, in pixels. */
  readonly imageSize: number;
}

/** What the page asks of the worker, by name: what it sends and what it gets. */
export interface Procedures {
  open: { input: { readonly modelUrl: string }; output: ModelInfo };
  classify: {
    input: { readonly image: Blob; readonly labels: readonly string[]; readonly template: string };
    output: Classification[];
  };
  /** Embeds the whole collection; resolves at the end. */
  collect: {
    input: { readonly folderUrl: string; readonly emoji: readonly Emoji[] };
    output: void;
  };
  /** The drawings most like the query, of those embedded so far. */
  rank: { input: { readonly query: string; readonly count: number }; output: RankedEmoji[] };
}

/** A call on its way to the worker. */
export type Call = {
  [Name in keyof Procedures]: {
    readonly id: number;
    readonly name: Name;
    readonly input: Procedures[Name]["input"];
  };
}[keyof Procedures];

/** How far a long piece of work is: bytes of the model or emoji embedded. */
export interface Progress {
  readonly work: "model" | "collection";
  readonly done: number;
  readonly total: number;
}

/** What the worker sends. */
export type Reply =
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "result"; readonly id: number; readonly output: unknown }
  | {
      readonly kind: "failure";
      readonly id: number;
      readonly code: ClipErrorCode;
      readonly message: string;
    };
