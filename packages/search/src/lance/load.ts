import { ClipError } from "@clip-ts/base";
import type * as Arrow from "apache-arrow";
import type * as Lance from "@lancedb/lancedb";

/** The libraries behind an index in LanceDB. */
export interface LanceLibraries {
  readonly lance: typeof Lance;
  readonly arrow: typeof Arrow;
}

/**
 * Loads LanceDB when an index is opened, so that those who need none of it install none of it.
 * @throws ClipError "unsupported" if it is not installed, or has no build for this machine.
 */
export async function loadLance(): Promise<LanceLibraries> {
  try {
    const [lance, arrow] = await Promise.all([import("@lancedb/lancedb"), import("apache-arrow")]);
    return { lance, arrow };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new ClipError(
      "unsupported",
      `LanceDB could not be loaded: ${reason}. Install it with: npm install @lancedb/lancedb@0.31.0 apache-arrow@18.1.0`,
      { cause },
    );
  }
}
