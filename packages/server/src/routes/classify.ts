import type { FeatureRows } from "@clip-ts/core";
import { defaultTemplates, embedLabels, rankLabels, type LabelRows } from "@clip-ts/model";
import type { Handler } from "hono";
import { workOnEach } from "../items.ts";
import type { Parts } from "../parts.ts";
import { refusal } from "../refusals.ts";
import { classifyBody, type ClassifyBody } from "../schemas.ts";
import { checkText } from "../texts.ts";
import { working } from "../work.ts";
import { checkCount } from "./embeddings.ts";

function picturesOf({ image, images }: ClassifyBody): readonly string[] {
  if (image !== undefined && images === undefined) return [image];
  if (images !== undefined && image === undefined) return images;
  throw refusal(400, "Give either image, one picture, or images, a list.", { code: "bad_body", param: "images" });
}

/** Rows of texts, each computed on its own. */
async function embedTexts(parts: Parts, texts: readonly string[], signal: AbortSignal): Promise<FeatureRows> {
  const { features, limits } = parts;
  const rows = await Promise.all(texts.map(async (text) => features.text(checkText(text, limits), { signal })));
  const values = new Float32Array(texts.length * features.dim);
  for (const [at, { row }] of rows.entries()) values.set(row, at * features.dim);
  return { values, rows: texts.length, dim: features.dim };
}

/** Sets of labels whose rows are kept. */
const mostSets = 16;

/** Embeds labels; those of the last few sets are known. */
function createLabels(parts: Parts): (body: ClassifyBody, signal: AbortSignal) => Promise<LabelRows> {
  const known = new Map<string, LabelRows>();
  const { config } = parts.model.description;
  return async ({ labels, templates = defaultTemplates }, signal) => {
    checkCount(labels.length * templates.length, parts.limits.prompts, "labels");
    const key = JSON.stringify([labels, templates]);
    const found = known.get(key);
    known.delete(key);
    if (found !== undefined) {
      known.set(key, found); // the newest stands last
      return found;
    }
    const release = parts.inputs.take(labels.length * templates.length);
    try {
      const clip = { config, embedTexts: (texts: readonly string[]) => embedTexts(parts, texts, signal) };
      const made = { labels, rows: await embedLabels(clip, labels, templates) };
      known.set(key, made);
      const [oldest] = known.keys();
      if (known.size > mostSets && oldest !== undefined) known.delete(oldest);
      return made;
    } finally {
      release();
    }
  };
}

/** POST /v1/classify */
export function classifyRoute(parts: Parts): Handler {
  const { features, pictures, model } = parts;
  const { config } = model.description;
  const { logitScale, logitBias } = model.embedder;
  const calibration = { config, logitScale: Math.exp(logitScale), ...(logitBias !== undefined && { logitBias }) };
  const labelsOf = createLabels(parts);
  return working(parts, {
    schema: classifyBody,
    async run({ body, signal }) {
      const given = picturesOf(body);
      checkCount(given.length, parts.limits.inputs, "images");
      const release = parts.inputs.take(given.length);
      try {
        const labels = await labelsOf(body, signal);
        const outcomes = await workOnEach(given, signal, {
          isPartial: body.partial === true,
          placeOf: (index) => (body.image === undefined ? `images[${index}]` : "image"),
          async run(picture, signal) {
            const row = await pictures.with(picture, signal, (planes) => features.image(planes, { signal }));
            const ranked = rankLabels({ values: row, rows: 1, dim: features.dim }, 0, labels, calibration);
            return ranked
              .slice(0, body.top)
              .map(({ label, probability, similarity }) => ({ label, probability, similarity }));
          },
        });
        const data = outcomes.map((outcome, index) =>
          "error" in outcome
            ? { object: "error", index, error: outcome.error }
            : { object: "classification", index, labels: outcome.result },
        );
        return { object: "list", data, model: parts.name };
      } finally {
        release();
      }
    },
  });
}
