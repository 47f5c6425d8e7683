import type { QdrantClient } from "@qdrant/js-client-rest";
import { loadQdrant } from "./load.ts";
import type { CollectionPlace } from "./place.ts";
import { asked } from "./requests.ts";

/** A client of the server; nothing is asked yet. */
export async function connect({ url, apiKey, timeoutMs = 60_000 }: CollectionPlace): Promise<QdrantClient> {
  const { QdrantClient } = await loadQdrant();
  return asked(url, async () => {
    const settings = { url, timeout: timeoutMs, checkCompatibility: false };
    return new QdrantClient(apiKey === undefined ? settings : { ...settings, apiKey });
  });
}
