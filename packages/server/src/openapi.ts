import { z } from "zod";
import { classifyBody, embeddingsBody, searchBody } from "./schemas.ts";

/** A JSON schema. */
type Schema = Readonly<Record<string, unknown>>;

const string: Schema = { type: "string" };
const number: Schema = { type: "number" };
const integer: Schema = { type: "integer" };

const object = (properties: Readonly<Record<string, Schema>>, required = Object.keys(properties)): Schema => ({
  type: "object",
  properties,
  required,
});
const list = (item: Schema, more: Readonly<Record<string, Schema>> = {}): Schema =>
  object({ object: { const: "list" }, data: { type: "array", items: item }, model: string, ...more });

const errorSchema: Schema = object({
  error: object({
    message: string,
    type: string,
    param: { type: ["string", "null"] },
    code: { type: ["string", "null"] },
  }),
});
const failed: Schema = object({ object: { const: "error" }, index: integer, error: { type: "object" } });

const embeddings: Schema = list(
  {
    oneOf: [
      object({
        object: { const: "embedding" },
        index: integer,
        embedding: { oneOf: [{ type: "array", items: number }, string] },
      }),
      failed,
    ],
  },
  { usage: object({ prompt_tokens: integer, total_tokens: integer }) },
);
const ranked: Schema = object({ label: string, probability: number, similarity: number });
const classifications: Schema = list({
  oneOf: [
    object({ object: { const: "classification" }, index: integer, labels: { type: "array", items: ranked } }),
    failed,
  ],
});
const foundPicture: Schema = object({
  object: { const: "picture" },
  id: string,
  path: string,
  similarity: number,
  label: { type: ["string", "null"] },
  date: { type: ["number", "null"] },
  width: { type: ["number", "null"] },
  height: { type: ["number", "null"] },
});
const found: Schema = list(foundPicture, {
  fits: { type: "boolean" },
  nearest: { type: "array", items: foundPicture, description: "Where nothing fits: the three that come nearest" },
  cutoff: { type: ["number", "null"] },
  false_positive_rate: { type: ["number", "null"] },
});

const json = (schema: Schema): Schema => ({ "application/json": { schema } });
const refused = (description: string): Schema => ({ description, content: json(errorSchema) });
const refusals: Schema = {
  400: refused("The body is not as expected, or a picture cannot be read; param names it"),
  401: refused("The token is missing or wrong"),
  403: refused("The server is not called by that name"),
  404: refused("The model is not served here"),
  408: refused("The body came too slowly"),
  413: refused("The body is too large"),
  415: refused("The body is no JSON, or is packed"),
  429: refused("The server is busy; Retry-After says when to ask again"),
  503: refused("The request was not answered in time"),
};

function post(summary: string, body: z.ZodType, answer: Schema, more: Schema = {}): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(body, { io: "input" }) as Schema;
  return {
    post: {
      summary,
      requestBody: { required: true, content: { ...json(schema), ...more } },
      responses: { 200: { description: "Done", content: json(answer) }, ...refusals },
      security: [{ token: [] }],
    },
  };
}

function get(summary: string, answer: Schema, more: Schema = {}): Schema {
  return { get: { summary, responses: { 200: { description: "Done", content: answer }, ...more } } };
}

const searchUpload: Schema = { "image/*": { schema: { type: "string", format: "binary" } } };

/** What a server offers, as OpenAPI 3.1. */
export function openApiDocument({ hasIndex }: { readonly hasIndex: boolean }): Schema {
  const model = object({ id: string, object: { const: "model" }, created: integer, owned_by: string });
  const health = object({ status: { enum: ["ok", "failing"] } });
  return {
    openapi: "3.1.0",
    info: { title: "clip-ts", version: "1", description: "A CLIP: vectors of texts and pictures, labels, search." },
    paths: {
      "/v1/embeddings": post("Vectors of texts and pictures", embeddingsBody, embeddings),
      "/v1/classify": post("Labels of pictures, most probable first", classifyBody, classifications),
      ...(hasIndex && { "/v1/search": post("Pictures that a query asks for", searchBody, found, searchUpload) }),
      "/v1/models": get("The served model", json(list(model))),
      "/health": get("Whether a known picture and text give what they gave at the start", json(health), {
        503: { description: "They do not; reason says why", content: json(health) },
      }),
      "/metrics": get("Counts and times for Prometheus", { "text/plain": { schema: string } }),
      "/openapi.json": get("This document", json({ type: "object" })),
    },
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}
