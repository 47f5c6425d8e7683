import { ClipError, shown } from "@clip-ts/base";
import type { QdrantClient } from "@qdrant/js-client-rest";
import { hasSameFields } from "../fields.ts";
import type { FieldKinds } from "../vector-index.ts";
import { prefixKey } from "./prefixes.ts";

/** What a collection is made for. */
export interface CollectionShape {
  readonly collection: string;
  readonly dim: number;
  readonly fields: FieldKinds;
}

/** Kept in the collection's metadata, which Qdrant has from 1.16 on. */
const metadataKey = "clip-ts";

interface Metadata {
  readonly fields?: FieldKinds;
}

/** @throws ClipError "bad-argument" if the collection is another one than expected. */
async function assertCollection(client: QdrantClient, { collection, dim, fields }: CollectionShape): Promise<void> {
  const { config } = await client.getCollection(collection);
  const { size, distance } = (config.params.vectors ?? {}) as { readonly size?: unknown; readonly distance?: unknown };
  const kept = (config.metadata as Readonly<Record<string, Metadata>> | null | undefined)?.[metadataKey];
  if (kept?.fields === undefined) {
    throw new ClipError(
      "bad-argument",
      `The collection ${collection} was not made by clip-ts, or by a Qdrant server before 1.16. Take another name.`,
    );
  }
  if (size !== dim || distance !== "Cosine") {
    throw new ClipError(
      "bad-argument",
      `The collection ${collection} holds vectors of ${shown(size)} values by ${shown(distance)}; expected ${dim} by "Cosine".`,
    );
  }
  if (hasSameFields(kept.fields, fields)) return;
  throw new ClipError(
    "bad-argument",
    `The collection ${collection} has the fields ${shown(kept.fields)}; expected ${shown(fields)}.`,
  );
}

/** The indexes without which filters would go through every point, or be refused by a strict server. */
function payloadIndexes(fields: FieldKinds): [string, "keyword" | "float"][] {
  return Object.entries(fields).flatMap(([name, kind]): [string, "keyword" | "float"][] =>
    kind === "number"
      ? [[name, "float"]]
      : [
          [name, "keyword"],
          [prefixKey(name), "keyword"],
        ],
  );
}

/** Makes the collection if there is none, and whatever indexes of its payload are missing. */
export async function ensureCollection(client: QdrantClient, shape: CollectionShape): Promise<void> {
  const { collection, dim, fields } = shape;
  const { exists } = await client.collectionExists(collection);
  if (!exists) {
    // Not client.createCollection, which leaves out metadata. One more opening may have made it meanwhile.
    const made = client.api().createCollection({
      collection_name: collection,
      vectors: { size: dim, distance: "Cosine" },
      metadata: { [metadataKey]: { fields } },
    });
    await made.catch(async (error: unknown) => {
      const now = await client.collectionExists(collection);
      if (!now.exists) throw error;
    });
  }
  await assertCollection(client, shape);
  const { payload_schema: present } = await client.getCollection(collection);
  for (const [field_name, field_schema] of payloadIndexes(fields)) {
    if (Object.hasOwn(present, field_name)) continue;
    await client.createPayloadIndex(collection, { field_name, field_schema, wait: true });
  }
}
