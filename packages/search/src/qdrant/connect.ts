import type { QdrantClient } from "@qdrant/js-client-rest";
import { loadQdrant } from "./load.ts";
import { asked } from "./requests.ts";

/** Where a collection is. */
export interface CollectionPlace {
  /** Of the server: http://localhost:6333. Its port is 6333 where none is named. */
  readonly url: string;
  readonly collection: string;
  readonly apiKey?: string;
  /** Milliseconds that an answer may take; 60,000 by default. */
  readonly timeoutMs?: number;
}

/** A client of the server; nothing is asked yet. */
export async function connect({ url, apiKey, timeoutMs = 60_000 }: CollectionPlace): Promise<QdrantClient> {
  const { QdrantClient } = await loadQdrant();
  return asked(url, async () => {
    const settings = { url, timeout: timeoutMs, checkCompatibility: false };
    return new QdrantClient(apiKey === undefined ? settings : { ...settings, apiKey });
  });
}

/**
 * Removes a collection and everything in it; one that the server does not have is passed over.
 * @throws ClipError "bad-data" that says what the server answered, or why there was no answer.
 */
export async function removeQdrantIndex(place: CollectionPlace): Promise<void> {
  const { url, collection } = place;
  const client = await connect(place);
  await asked(url, async () => client.deleteCollection(collection));
}
