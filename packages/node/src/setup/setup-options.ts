/** The release that the native part is built against. */
export const tensorflowVersion = "2.21.0";

/** What `setupTensorflow` is told. */
export interface SetupOptions {
  /** Build for NVIDIA GPUs: the larger wheel, for tfjs-node-gpu. */
  readonly gpu?: boolean;
  /** A folder that holds libtensorflow or the wheel, or the wheel itself; nothing is fetched then. */
  readonly from?: string;
  /** Address of a Python package index (PEP 503), used where there is no pip. */
  readonly index?: string;
  /** Where libraries are kept; the user's cache folder by default. */
  readonly cache?: string;
  /** Gets a line for each thing done. */
  readonly report?: (line: string) => void;
  /** PATH and the like; this process's by default. */
  readonly environment?: NodeJS.ProcessEnv;
  /** The system to build on; this one by default. */
  readonly platform?: NodeJS.Platform;
}

/** Options with their defaults, as the steps of the setup pass them on. */
export interface SetupContext {
  readonly gpu: boolean;
  /** The wheel's name on the index. */
  readonly wheelName: string;
  /** Where this kind of library is kept. */
  readonly cache: string;
  readonly index: string | undefined;
  readonly report: (line: string) => void;
  readonly environment: NodeJS.ProcessEnv;
}

/** Bytes as people read them. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
