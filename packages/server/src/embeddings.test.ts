import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ServedModel } from "./features.ts";
import { nanoModel, picture, pictureUrl, post, serve, type Running } from "./fixtures/serve-nano.ts";

let model: ServedModel;
let running: Running;
const url = (path: string): string => `${running.url}${path}`;

beforeAll(async () => {
  model = await nanoModel();
  running = await serve(model);
});
afterAll(async () => {
  await running.close();
  model.embedder.dispose();
});

interface Answer {
  readonly data: readonly {
    readonly object: string;
    readonly index: number;
    readonly embedding: number[] | string;
    readonly error?: { readonly message: string; readonly param: string };
  }[];
  readonly usage: { readonly prompt_tokens: number };
  readonly error: { readonly message: string; readonly param: string; readonly code: string };
}
async function embed(body: object): Promise<{ readonly status: number; readonly answer: Answer }> {
  const response = await post(url("/v1/embeddings"), body);
  return { status: response.status, answer: (await response.json()) as Answer };
}
const lengthOf = (row: readonly number[]): number => Math.hypot(...row);

test("the OpenAI client embeds texts, as base64 and as numbers", async () => {
  const client = new OpenAI({ apiKey: "none needed", baseURL: url("/v1"), maxRetries: 0 });
  const input = ["a red square", "a blue circle"];
  const packed = await client.embeddings.create({ model: "nano", input });
  const plain = await client.embeddings.create({ model: "nano", input, encoding_format: "float" });
  expect(packed.data.map(({ embedding }) => embedding)).toEqual(plain.data.map(({ embedding }) => embedding));
  for (const { embedding } of plain.data) expect(lengthOf(embedding)).toBeCloseTo(1, 5);
  expect(packed.usage.prompt_tokens).toBeGreaterThan(4);
  const models = await client.models.list();
  expect(models.data.map(({ id }) => id)).toEqual(["nano"]);
  await expect(client.embeddings.create({ model: "gpt", input })).rejects.toMatchObject({
    status: 404,
    code: "model_not_found",
  });
});

test("a picture comes as a data URL, base64 or an object; all forms give the same bytes", async () => {
  const dataUrl = await pictureUrl(3);
  const base64 = (await picture(3)).toString("base64");
  const { status, answer } = await embed({
    input: [dataUrl, { image: dataUrl }, { image: base64 }],
    encoding_format: "base64",
  });
  expect(status).toBe(200);
  expect(new Set(answer.data.map(({ embedding }) => embedding)).size).toBe(1);
  const alone = await embed({ input: base64, modality: "image", encoding_format: "base64" });
  expect(alone.answer.data[0]?.embedding).toBe(answer.data[0]?.embedding);
  const asText = await embed({ input: dataUrl.slice(0, 60), modality: "text", encoding_format: "base64" });
  expect(asText.answer.data[0]?.embedding).not.toBe(answer.data[0]?.embedding);
});

test("a picture that cannot be read is named; partial answers the rest", async () => {
  const input = [await pictureUrl(1), { text: "a cat" }, { image: Buffer.from("no picture").toString("base64") }];
  const whole = await embed({ input });
  expect([whole.status, whole.answer.error.param]).toEqual([400, "input[2]"]);
  const { status, answer } = await embed({ input, partial: true });
  expect([status, answer.data.map(({ object }) => object)]).toEqual([200, ["embedding", "embedding", "error"]]);
  expect(answer.data[2]?.error?.message).toContain("no picture");
});

test("pictures of one pixel, and of one row, are embedded", async () => {
  const pixel = Buffer.concat([Buffer.from("P6 1 1 255\n"), Buffer.from([9, 8, 7])]);
  const row = Buffer.concat([Buffer.from("P6 30000 1 255\n"), Buffer.alloc(90_000, 7)]);
  const { status, answer } = await embed({ input: [pixel, row].map((bytes) => ({ image: bytes.toString("base64") })) });
  expect(status).toBe(200);
  for (const { embedding } of answer.data) expect(lengthOf(embedding as number[])).toBeCloseTo(1, 5);
});

test("what is not taken is refused by name", async () => {
  const cases = [
    [{ input: [] }, "input"],
    [{ input: "" }, "input"],
    [{ input: [[49406, 320, 49407]] }, "input"],
    [{ input: "a", dimensions: 3 }, "dimensions"],
    [{ input: "a", encoding_format: "hex" }, "encoding_format"],
    [{ input: "a", surprise: 1 }, null],
    [{ input: [{ text: "a", image: "b" }] }, "input"],
    [{ input: "x".repeat(40_000) }, "input"],
    [{ input: { image: "https://example.com/cat.png" } }, "input"],
  ] as const;
  for (const [body, param] of cases) {
    const { status, answer } = await embed(body);
    expect([status, answer.error.param], JSON.stringify(body).slice(0, 80)).toEqual([400, param]);
  }
});
