import type { Handler } from "hono";
import { isPictureUrl } from "../pictures.ts";
import { workOnEach } from "../items.ts";
import type { Parts } from "../parts.ts";
import { refusal } from "../refusals.ts";
import { embeddingsBody, type EmbeddingsBody, type GivenInput } from "../schemas.ts";
import { checkText } from "../texts.ts";
import { working } from "../work.ts";

/** A text or a picture, told apart. */
type Input = { readonly text: string } | { readonly image: string };

function inputOf(given: GivenInput, modality: EmbeddingsBody["modality"]): Input {
  if (typeof given !== "string") return given;
  const isPicture = modality === "image" || (modality === undefined && isPictureUrl(given));
  return isPicture ? { image: given } : { text: given };
}

function inputsOf({ input, modality }: EmbeddingsBody): Input[] {
  const given = Array.isArray(input) ? (input as readonly GivenInput[]) : [input as GivenInput];
  return given.map((each) => inputOf(each, modality));
}

function checkDimensions(dimensions: number | undefined, dim: number): void {
  if (dimensions === undefined || dimensions === dim) return;
  throw refusal(400, `dimensions: this model's vectors have ${dim} values and cannot be shortened.`, {
    code: "bad_dimensions",
    param: "dimensions",
  });
}

const base64Of = (row: Float32Array): string =>
  Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString("base64");

/** A vector, and the tokens that it took. */
interface Embedded {
  readonly row: Float32Array;
  readonly tokens: number;
}

async function embed(parts: Parts, input: Input, signal: AbortSignal): Promise<Embedded> {
  const { features, pictures, limits } = parts;
  if ("text" in input) return features.text(checkText(input.text, limits), { signal });
  const row = await pictures.with(input.image, signal, (planes) => features.image(planes, { signal }));
  return { row, tokens: 0 };
}

/** @throws ClipError of status 400 for more inputs than a request may have. */
export function checkCount(count: number, most: number, param: string): void {
  if (count <= most) return;
  throw refusal(400, `${param}: a request has ${most} at most, got ${count}.`, { code: "too_many_inputs", param });
}

/** POST /v1/embeddings */
export function embeddingsRoute(parts: Parts): Handler {
  return working(parts, {
    schema: embeddingsBody,
    async run({ body, signal }) {
      const inputs = inputsOf(body);
      const isSingle = !Array.isArray(body.input);
      checkCount(inputs.length, parts.limits.inputs, "input");
      checkDimensions(body.dimensions, parts.features.dim);
      const release = parts.inputs.take(inputs.length);
      try {
        const outcomes = await workOnEach(inputs, signal, {
          isPartial: body.partial === true,
          placeOf: (index) => (isSingle ? "input" : `input[${index}]`),
          run: (input, signal) => embed(parts, input, signal),
        });
        const isBase64 = body.encoding_format === "base64";
        const tokens = outcomes.reduce((sum, outcome) => sum + ("result" in outcome ? outcome.result.tokens : 0), 0);
        const data = outcomes.map((outcome, index) => {
          if ("error" in outcome) return { object: "error", index, error: outcome.error };
          const { row } = outcome.result;
          return { object: "embedding", index, embedding: isBase64 ? base64Of(row) : Array.from(row) };
        });
        return { object: "list", data, model: parts.name, usage: { prompt_tokens: tokens, total_tokens: tokens } };
      } finally {
        release();
      }
    },
  });
}
