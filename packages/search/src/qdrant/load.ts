import { ClipError } from "@clip-ts/base";
import type * as Qdrant from "@qdrant/js-client-rest";

/**
 * Loads Qdrant's client when an index is opened, so that those who need none of it install none of it.
 * @throws ClipError "unsupported" if it is not installed
 */
export async function loadQdrant(): Promise<typeof Qdrant> {
  try {
    return await import("@qdrant/js-client-rest");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new ClipError(
      "unsupported",
      `Qdrant's client could not be loaded: ${reason}. Install it with: npm install @qdrant/js-client-rest@1.18.0`,
      { cause },
    );
  }
}
