// Written by tools/peers/list_published.py.
import type { TransformersCheckpoint } from "../types.ts";

/** Checkpoints that the configuration classes of transformers' zero-shot image classifiers name. */
export const checkpoints: readonly TransformersCheckpoint[] = [
  {"repository": "kakaobrain/align-base", "type": "align", "parameters": 172117841, "contextLength": 512, "tokenizer": "BertTokenizer"},
  {"repository": "BAAI/AltCLIP", "type": "altclip", "parameters": 648265729, "imageSize": 224, "contextLength": 512},
  {"repository": "Salesforce/blip-vqa-base", "type": "blip", "tokenizer": "BertTokenizer"},
  {"repository": "Salesforce/blip2-opt-2.7b", "type": "blip-2", "tokenizer": "GPT2Tokenizer"},
  {"repository": "OFA-Sys/chinese-clip-vit-base-patch16", "type": "chinese_clip", "parameters": 197134081, "imageSize": 224, "contextLength": 512, "tokenizer": "BertTokenizer"},
  {"repository": "openai/clip-vit-base-patch32", "type": "clip", "parameters": 151277313, "imageSize": 224, "contextLength": 77, "tokenizer": "CLIPTokenizer"},
  {"repository": "CIDAS/clipseg-rd64", "type": "clipseg", "tokenizer": "CLIPTokenizer"},
  {"repository": "facebook/metaclip-2-worldwide-huge-quickgelu", "type": "metaclip_2", "tokenizer": "XLMRobertaTokenizer"},
  {"repository": "google/siglip-base-patch16-224", "type": "siglip", "parameters": 203155970, "imageSize": 224, "contextLength": 64, "tokenizer": "SiglipTokenizer"},
  {"repository": "google/siglip2-base-patch16-naflex", "type": "siglip2", "parameters": 375234050, "imageSize": 256, "contextLength": 64, "tokenizer": "Siglip2Tokenizer"},
  {"repository": "google/tipsv2-b14", "type": "tipsv2", "parameters": 195948289, "imageSize": 448, "contextLength": 64, "tokenizer": "Tipsv2Tokenizer"},
  {"repository": "google/videoprism-base-f16r288", "type": "videoprism", "tokenizer": "VideoPrismTokenizer"},
  {"repository": "google/videoprism-lvt-base-f16r288", "type": "videoprism", "tokenizer": "VideoPrismTokenizer"},
];
