import { asId, asList, asObject, asText, refuseStep, type Json } from "./json.ts";

/** The special tokens around a caption. */
export interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const empty: Frame = { before: [], after: [] };

/** `[token, id]`, as `RobertaProcessing` and `BertProcessing` have them. */
function pairId(step: Json, key: string, where: string): number {
  return asId(asList(step[key], `${where}.${key}`)[1], `${where}.${key}[1]`);
}

function templateFrame(step: Json, where: string): Frame {
  const specials = asObject(step["special_tokens"] ?? {}, `${where}.special_tokens`);
  const frame = { before: [] as number[], after: [] as number[] };
  let side = frame.before;
  for (const item of asList(step["single"], `${where}.single`)) {
    const part = asObject(item, `${where}.single`);
    if (part["SpecialToken"] === undefined) {
      side = frame.after;
      continue;
    }
    const { id } = asObject(part["SpecialToken"], `${where}.single`);
    const token = asObject(specials[asText(id, `${where}.single`)], `${where}.special_tokens`);
    const ids = asList(token["ids"], `${where}.special_tokens.ids`);
    side.push(...ids.map((one) => asId(one, `${where}.special_tokens.ids`)));
  }
  return frame;
}

/** Reads the `post_processor` of a tokenizer.json. @throws ClipError for a step that is not known. */
export function frameOf(value: unknown, where: string): Frame {
  if (value === undefined || value === null) return empty;
  const step = asObject(value, where);
  switch (step["type"]) {
    case "TemplateProcessing":
      return templateFrame(step, where);
    case "RobertaProcessing":
    case "BertProcessing":
      return { before: [pairId(step, "cls", where)], after: [pairId(step, "sep", where)] };
    case "ByteLevel": // moves offsets only
      return empty;
    case "Sequence": {
      const frames = asList(step["processors"], `${where}.processors`).map((one, index) =>
        frameOf(one, `${where}.processors[${index}]`),
      );
      return {
        before: frames.toReversed().flatMap(({ before }) => before),
        after: frames.flatMap(({ after }) => after),
      };
    }
    default:
      return refuseStep(`${where}.type`, step["type"]);
  }
}
