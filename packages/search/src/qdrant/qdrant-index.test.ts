import { afterAll } from "vitest";
import { QdrantClient } from "@qdrant/js-client-rest";
import { conformance } from "../fixtures/conformance.ts";
import { serveQdrant } from "../fixtures/qdrant-server/serve.mjs";
import { openQdrantIndex } from "./index.ts";

// `pnpm test:qdrant URL` names a real server. Without, a small one is asked, which was written for these tests.
const given = process.env["CLIP_TS_QDRANT_URL"];
const key = process.env["CLIP_TS_QDRANT_API_KEY"];
const small = given === undefined ? await serveQdrant() : undefined;
const url = small?.url ?? given ?? "";
const access = key === undefined ? { url } : { url, apiKey: key };

const run = `clip-ts-test-${Date.now().toString(36)}-${process.pid}`;
const made = new Set<string>();

afterAll(async () => {
  const client = new QdrantClient({ ...access, checkCompatibility: false });
  for (const name of made) await client.deleteCollection(name);
  await small?.close();
});

conformance("Qdrant", async (place, { dim, fields }) => {
  const collection = `${run}-${place}`;
  made.add(collection);
  return openQdrantIndex({ ...access, collection, dim, fields });
});
