import type { Json } from "./json.ts";
import { tokenText } from "./tokenizer-files.ts";

const fairseqTokens = {
  bos_token: "<s>",
  eos_token: "</s>",
  cls_token: "<s>",
  sep_token: "</s>",
  unk_token: "<unk>",
  pad_token: "<pad>",
  mask_token: "<mask>",
};
const t5Tokens = { eos_token: "</s>", pad_token: "<pad>", unk_token: "<unk>" };
const gemmaTokens = { bos_token: "<bos>", eos_token: "<eos>", pad_token: "<pad>", unk_token: "<unk>" };

/** The special tokens of a class where the files do not name them. */
const classTokens: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  CLIPTokenizer: { bos_token: "<|startoftext|>", eos_token: "<|endoftext|>" },
  RobertaTokenizer: fairseqTokens,
  BertTokenizer: {
    cls_token: "[CLS]",
    sep_token: "[SEP]",
    pad_token: "[PAD]",
    unk_token: "[UNK]",
    mask_token: "[MASK]",
  },
  SiglipTokenizer: { eos_token: "</s>", pad_token: "</s>", unk_token: "<unk>" },
  T5Tokenizer: t5Tokens,
  MT5Tokenizer: t5Tokens,
  Siglip2Tokenizer: gemmaTokens,
  GemmaTokenizer: gemmaTokens,
  XLMRobertaTokenizer: fairseqTokens,
  NllbTokenizer: fairseqTokens,
};

/** The text of a special token: as the files say, else as the class has it. */
export function namedToken(config: Json, name: string | undefined, key: string): string | undefined {
  return tokenText(config, key) ?? classTokens[name ?? ""]?.[key];
}
