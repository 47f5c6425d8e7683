import { connect } from "./connect.ts";
import type { CollectionPlace } from "./place.ts";
import { asked } from "./requests.ts";

/**
 * Removes a collection and everything in it; one that the server does not have is passed over.
 * @throws ClipError "bad-data" that says what the server answered, or why there was no answer.
 */
export async function removeQdrantIndex(place: CollectionPlace): Promise<void> {
  const { url, collection } = place;
  const client = await connect(place);
  await asked(url, async () => client.deleteCollection(collection));
}
