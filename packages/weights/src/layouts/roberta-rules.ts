import { renamed, type NameRule } from "./name-rule.ts";

/** A RoBERTa checkpoint of its own, with or without the name that Hugging Face's task heads put before. */
export const robertaRules: readonly NameRule[] = [
  renamed("embeddings.{rest}", "text_model.embeddings.{rest}"),
  renamed("encoder.layer.{rest}", "text_model.encoder.layer.{rest}"),
  renamed("pooler.{rest}", "text_model.pooler.{rest}"),
  renamed("roberta.{rest}", "text_model.{rest}"),
];
