import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServedModel } from "./features.ts";
import { nanoModel, pictureUrl, post, serve, type Running } from "./fixtures/serve-nano.ts";

let model: ServedModel;
let running: Running;
beforeAll(async () => {
  model = await nanoModel();
  running = await serve(model);
});
afterAll(async () => {
  await running.close();
  model.embedder.dispose();
});

interface Operation {
  readonly summary: string;
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Readonly<Record<string, unknown>> }>>;
  };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: object }>>;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

test("the document has what OpenAPI 3.1 asks for, and every path in it is there", async () => {
  const response = await fetch(`${running.url}/openapi.json`);
  const document = (await response.json()) as {
    readonly openapi: string;
    readonly info: { readonly title: string; readonly version: string };
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: { readonly securitySchemes: Readonly<Record<string, object>> };
  };
  expect(document.openapi).toMatch(/^3\.1\.\d+$/);
  expect([typeof document.info.title, typeof document.info.version]).toEqual(["string", "string"]);
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  expect(operations).toHaveLength(6);
  for (const { path, method, operation } of operations) {
    const { status } = await fetch(`${running.url}${path}`, { method: method.toUpperCase() });
    expect([200, 415], path).toContain(status);
    for (const [code, { description, content }] of Object.entries(operation.responses)) {
      expect(code).toMatch(/^[1-5]\d\d$/);
      expect([typeof description, Object.keys(content).length]).toEqual(["string", 1]);
    }
    const schemes = (operation.security ?? []).flatMap((each) => Object.keys(each));
    expect(Object.keys(document.components.securitySchemes)).toEqual(expect.arrayContaining(schemes));
    const schemas = Object.values(operation.requestBody?.content ?? {}).map(({ schema }) => schema["type"]);
    expect(["object", "string"]).toEqual(expect.arrayContaining(schemas));
  }
  const { schema } = document.paths["/v1/embeddings"]?.["post"]?.requestBody?.content["application/json"] ?? {};
  expect(schema).toMatchObject({ required: ["input"], additionalProperties: false });
  expect(Object.keys(document.paths)).not.toContain("/v1/search"); // there is no index
});

test("a picture's labels are ranked as the model ranks them, and a set that is known is not embedded again", async () => {
  const labels = ["red", "green", "blue"];
  const images = await Promise.all([1, 2].map(pictureUrl));
  const ask = async (body: object) => (await post(`${running.url}/v1/classify`, { labels, ...body })).json();
  const both = (await ask({ images })) as {
    readonly data: readonly { readonly labels: readonly { readonly label: string; readonly probability: number }[] }[];
  };
  for (const { labels: ranked } of both.data) {
    expect(ranked.map(({ label }) => label).toSorted()).toEqual(labels.toSorted());
    expect(ranked.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    expect(ranked.map(({ probability }) => -probability)).toEqual(
      ranked.map(({ probability }) => -probability).toSorted((a, b) => a - b),
    );
  }
  const texts = async () => /clip_ts_batch_rows_count\{side="text"\} (\d+)/.exec(await running.server.metrics())?.[1];
  const before = await texts();
  expect(await ask({ image: images[1], top: 1 })).toMatchObject({
    data: [{ object: "classification", index: 0, labels: [both.data[1]?.labels[0]] }],
  });
  expect(await texts()).toBe(before);
});

test("the metrics count requests, batches and pictures in Prometheus's form", async () => {
  const response = await fetch(`${running.url}/metrics`);
  expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const text = await response.text();
  for (const line of [
    /^clip_ts_requests_total\{route="\/v1\/classify",status="200"\} 2$/m,
    /^clip_ts_pictures_total\{result="read"\} 4$/m, // the known one, and three of the test before
    /^clip_ts_batch_rows_bucket\{le="2",side="image"\} \d+$/m,
    /^process_resident_memory_bytes \d{7,}$/m,
    /^process_cpu_seconds_total \d+\.\d+$/m,
  ]) {
    expect(text).toMatch(line);
  }
  for (const line of text.split("\n").filter((line) => line !== ""))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{.+\})? [\d.e+-]+)$/);
});
