import type { Condition } from "@clip-ts/search";
import { z } from "zod";

/** A text or a picture to be embedded. */
export type GivenInput = string | { readonly text: string } | { readonly image: string };

/** The body of POST /v1/embeddings. */
export interface EmbeddingsBody {
  readonly model?: string | undefined;
  readonly input: string | { readonly text: string } | { readonly image: string } | readonly GivenInput[];
  readonly modality?: "text" | "image" | undefined;
  readonly encoding_format?: "float" | "base64" | undefined;
  readonly dimensions?: number | undefined;
  readonly user?: string | undefined;
  readonly partial?: boolean | undefined;
}

const model = z.string().optional().describe("The served model's name; may be left out.");
const picture = z
  .string()
  .min(1)
  .describe("A data URL, base64, or an http or https address where the server fetches any.");
const partial = z
  .boolean()
  .optional()
  .describe("Answer what can be read, with an error in the place of the rest, instead of 400 for all.");
const expected =
  'expected a text, a data URL, {"text": ...}, {"image": ...} or a list of these; ids of tokens are not taken, they would be another tokenizer\'s';
const inputForms = [z.string(), z.strictObject({ text: z.string() }), z.strictObject({ image: picture })] as const;
const givenInput = z.union(inputForms, { error: expected });

/** POST /v1/embeddings: OpenAI's, and pictures. */
export const embeddingsBody: z.ZodType<EmbeddingsBody> = z.strictObject({
  model,
  input: z
    .union([...inputForms, z.array(givenInput).min(1)], { error: expected })
    .describe('Texts and pictures. A string is a text, unless it is a data URL of a picture or modality is "image".'),
  modality: z.enum(["text", "image"]).optional().describe("What strings are, as infinity has it."),
  encoding_format: z.enum(["float", "base64"]).optional().describe("base64: little-endian float32. Default float."),
  dimensions: z.int().optional().describe("Only the model's own number is taken."),
  user: z.string().optional().describe("Not read."),
  partial,
});

/** The body of POST /v1/classify. */
export interface ClassifyBody {
  readonly model?: string | undefined;
  readonly image?: string | undefined;
  readonly images?: readonly string[] | undefined;
  readonly labels: readonly string[];
  readonly templates?: readonly string[] | undefined;
  readonly top?: number | undefined;
  readonly partial?: boolean | undefined;
}

/** POST /v1/classify. */
export const classifyBody: z.ZodType<ClassifyBody> = z.strictObject({
  model,
  image: picture.optional(),
  images: z.array(picture).min(1).optional(),
  labels: z.array(z.string().min(1)).min(1),
  templates: z.array(z.string().includes("{}")).min(1).optional().describe("Where {} stands the label goes."),
  top: z.int().min(1).optional().describe("Labels of a picture, best first; all if absent."),
  partial,
});

const value = z.union([z.string(), z.number()]);
const condition: z.ZodType<Condition> = z.union([
  z.strictObject({ field: z.string(), is: z.enum(["equal", "not-equal"]), value }),
  z.strictObject({ field: z.string(), is: z.enum(["less", "at-most", "more", "at-least"]), value: z.number() }),
  z.strictObject({ field: z.string(), is: z.literal("one-of"), values: z.array(value) }),
  z.strictObject({ field: z.string(), is: z.literal("starts-with"), value: z.string() }),
]);

/** What is asked of POST /v1/search. */
export interface SearchBody {
  readonly model?: string | undefined;
  readonly query?: string | undefined;
  readonly image?: string | undefined;
  readonly count?: number | undefined;
  readonly filter?: readonly Condition[] | undefined;
  readonly all?: boolean | undefined;
  readonly exact?: boolean | undefined;
}

/** POST /v1/search. */
export const searchBody: z.ZodType<SearchBody> = z.strictObject({
  model,
  query: z.string().min(1).optional().describe('Words, combined: "beach" + "sunset" - people.'),
  image: picture.optional().describe("A picture to find others like it by; with a query both count."),
  count: z.int().min(1).optional().describe("Pictures at most; default 10."),
  filter: z.array(condition).max(64).optional().describe("Conditions that all have to hold."),
  all: z.boolean().optional().describe("Also what does not fit the query."),
  exact: z.boolean().optional().describe("Compare with every picture."),
});
