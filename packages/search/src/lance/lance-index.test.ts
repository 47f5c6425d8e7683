import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { conformance } from "../fixtures/conformance.ts";
import { openLanceIndex } from "./index.ts";

const folder = await mkdtemp(join(tmpdir(), "clip-ts-lance-"));
afterAll(async () => rm(folder, { recursive: true, force: true }));

conformance("LanceDB", async (place, { dim, fields }) => openLanceIndex({ place: join(folder, place), dim, fields }));

// With an index from ten rows on, every test that compacts goes on with one.
conformance(
  "LanceDB with an index of its vectors",
  async (place, { dim, fields }) =>
    openLanceIndex({ place: join(folder, `indexed-${place}`), dim, fields, indexFrom: 10 }),
  { recall: 0.9 },
);
