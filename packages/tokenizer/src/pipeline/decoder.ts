import { byteCharacters } from "../vocabulary.ts";
import { asId, asList, asNumber, asObject, asText, refuseStep, type Json } from "./json.ts";
import { patternOf } from "./pattern.ts";

/** A step from the texts of tokens to texts that are nearer to what was written. */
export type DecodeStep = (tokens: readonly string[]) => readonly string[];

const text8 = new TextDecoder("utf-8", { ignoreBOM: true });
const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]));

/** The text of bytes that are written as characters; others stay a question mark. */
function fromByteCharacters(text: string): string {
  return text8.decode(Uint8Array.from(text, (character) => byteOf.get(character) ?? 0x3f));
}

/** Runs of `<0x41>` become what their bytes say. */
const fromBytes: DecodeStep = (tokens) => {
  const texts: string[] = [];
  let bytes: number[] = [];
  for (const token of [...tokens, ""]) {
    const hex = /^<0x([0-9A-F]{2})>$/u.exec(token)?.[1];
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
      continue;
    }
    if (bytes.length > 0) texts.push(text8.decode(Uint8Array.from(bytes)));
    bytes = [];
    texts.push(token);
  }
  return texts;
};

type StepMaker = (step: Json, where: string) => DecodeStep;

const makers: Readonly<Record<string, StepMaker>> = {
  ByteLevel: () => (tokens) => [fromByteCharacters(tokens.join(""))],
  ByteFallback: () => fromBytes,
  Fuse: () => (tokens) => [tokens.join("")],
  Metaspace: (step, where) => {
    const mark = asText(step["replacement"] ?? "▁", `${where}.replacement`);
    return (tokens) => [tokens.join("").replaceAll(mark, " ").replace(/^ /u, "")];
  },
  BPEDecoder: (step, where) => {
    const suffix = asText(step["suffix"] ?? "</w>", `${where}.suffix`);
    return (tokens) => [
      tokens
        .map((token) => token.replace(suffix, " "))
        .join("")
        .trimEnd(),
    ];
  },
  WordPiece: (step, where) => {
    const prefix = asText(step["prefix"] ?? "##", `${where}.prefix`);
    const join = (token: string): string => (token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`);
    return (tokens) => [tokens.map(join).join("").replace(/^ /u, "")];
  },
  Replace: (step, where) => {
    const pattern = patternOf(step["pattern"], `${where}.pattern`);
    const content = asText(step["content"], `${where}.content`);
    return (tokens) => tokens.map((token) => token.replace(pattern, () => content));
  },
  Strip: (step, where) => {
    const content = asText(step["content"], `${where}.content`);
    const [start, stop] = ["start", "stop"].map((key) => asNumber(step[key] ?? 0, where));
    return (tokens) =>
      tokens.map((token) => {
        let [first, last] = [0, token.length];
        while (first < start! && token[first] === content) first++;
        while (token.length - last < stop! && last > first && token[last - 1] === content) last--;
        return token.slice(first, last);
      });
  },
  Sequence: (step, where) => {
    const list = asList(step["decoders"], `${where}.decoders`);
    const steps = list.map((one, index) => decoderOf(one, `${where}.decoders[${index}]`));
    return (tokens) => steps.reduce((texts, apply) => apply(texts), tokens);
  },
};

/** Reads the `decoder` of a tokenizer.json; without one, tokens are joined by blanks. */
export function decoderOf(value: unknown, where: string): DecodeStep {
  if (value === undefined || value === null) return (tokens) => [tokens.join(" ")];
  const step = asObject(value, where);
  const type = asText(step["type"], `${where}.type`);
  const maker = Object.hasOwn(makers, type) ? makers[type] : undefined;
  return maker === undefined ? refuseStep(`${where}.type`, type) : maker(step, where);
}

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
