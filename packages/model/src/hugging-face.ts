import { ClipError } from "@clip-ts/base";
import type { Activation } from "@clip-ts/core";
import { initialLogitScale } from "@clip-ts/projection";
import type { TransformerConfig } from "@clip-ts/transformer";
import { isResNet } from "@clip-ts/vision-encoder";
import type { ClipConfig } from "./config.ts";

type Json = Readonly<Record<string, unknown>>;

const activations: readonly string[] = [
  "gelu",
  "gelu_pytorch_tanh",
  "quick_gelu",
  "relu",
] satisfies Activation[];

function fail(key: string, expected: string, actual: unknown): never {
  const came = actual === undefined ? "nothing" : JSON.stringify(actual);
  throw new ClipError("bad-config", `config.json: ${key} should be ${expected}, got ${came}.`, {
    data: { key, expected, actual },
  });
}

/** Reads keys of one section; a missing key falls back to Hugging Face's default if it has one. */
class Section {
  private readonly json: Json;
  private readonly path: string;

  constructor(json: unknown, path: string) {
    if (typeof json !== "object" || json === null) fail(path, "an object", json);
    this.json = json as Json;
    this.path = path;
  }

  positive(key: string, fallback?: number): number {
    const value = this.json[key] ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
    return fail(this.path + key, "a positive whole number", value);
  }

  number(key: string, fallback: number): number {
    const value = this.json[key] ?? fallback;
    return typeof value === "number" ? value : fail(this.path + key, "a number", value);
  }

  activation(): Activation {
    const value = this.json["hidden_act"] ?? "quick_gelu";
    if (typeof value === "string" && activations.includes(value)) return value as Activation;
    return fail(`${this.path}hidden_act`, `one of ${activations.join(", ")}`, value);
  }

  transformer(defaults: { width: number; layers: number; heads: number }): TransformerConfig {
    const width = this.positive("hidden_size", defaults.width);
    const heads = this.positive("num_attention_heads", defaults.heads);
    if (width % heads !== 0) {
      fail(`${this.path}num_attention_heads`, `a divisor of hidden_size ${width}`, heads);
    }
    return {
      width,
      heads,
      layers: this.positive("num_hidden_layers", defaults.layers),
      mlpWidth: this.positive("intermediate_size", 4 * defaults.width),
      activation: this.activation(),
      layerNormEps: this.number("layer_norm_eps", 1e-5),
    };
  }
}

/** Old configs say `eos_token_id: 2` though the models' end token is the last of the vocabulary. */
function endTokenOf(text: Section, vocabSize: number): number {
  const declared = text.number("eos_token_id", vocabSize - 1);
  return declared === 2 || declared >= vocabSize ? vocabSize - 1 : declared;
}

/**
 * Understands a Hugging Face `config.json` of model type "clip".
 * @throws ClipError "bad-config" naming the key, what it should be and what it is.
 */
export function parseClipConfig(json: unknown): ClipConfig {
  const root = new Section(json, "");
  const { model_type: type, vision_config, text_config } = json as Json;
  if (type !== "clip") fail("model_type", '"clip"', type);
  const vision = new Section(vision_config, "vision_config.");
  const text = new Section(text_config, "text_config.");
  const vocabSize = text.positive("vocab_size", 49408);
  const endTokenId = endTokenOf(text, vocabSize);
  return {
    projectionDim: root.positive("projection_dim", 512),
    initialLogitScale: root.number("logit_scale_init_value", initialLogitScale),
    vision: {
      ...vision.transformer({ width: 768, layers: 12, heads: 12 }),
      imageSize: vision.positive("image_size", 224),
      patchSize: vision.positive("patch_size", 32),
      channels: vision.positive("num_channels", 3),
    },
    text: {
      ...text.transformer({ width: 512, layers: 12, heads: 8 }),
      vocabSize,
      contextLength: text.positive("max_position_embeddings", 77),
      startTokenId: endTokenId - 1,
      endTokenId,
      padTokenId: 0,
    },
  };
}

function formatTransformer(config: TransformerConfig): Json {
  return {
    hidden_size: config.width,
    intermediate_size: config.mlpWidth,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    hidden_act: config.activation,
    layer_norm_eps: config.layerNormEps,
    attention_dropout: 0,
  };
}

/** The `config.json` that Hugging Face libraries load. */
export function formatClipConfig(config: ClipConfig): Json {
  const { vision, text, projectionDim } = config;
  if (isResNet(vision)) {
    throw new ClipError(
      "bad-config",
      "Hugging Face's CLIP has no ResNet tower; write open_clip's config.",
    );
  }
  if (text.kind === "siglip" || text.kind === "roberta") {
    return fail("text", "CLIP's tower", text.kind);
  }
  return {
    architectures: ["CLIPModel"],
    model_type: "clip",
    projection_dim: projectionDim,
    logit_scale_init_value: config.initialLogitScale,
    text_config: {
      model_type: "clip_text_model",
      ...formatTransformer(text),
      vocab_size: text.vocabSize,
      max_position_embeddings: text.contextLength,
      bos_token_id: text.startTokenId,
      eos_token_id: text.endTokenId,
      pad_token_id: text.padTokenId,
      projection_dim: projectionDim,
    },
    vision_config: {
      model_type: "clip_vision_model",
      ...formatTransformer(vision),
      image_size: vision.imageSize,
      patch_size: vision.patchSize,
      num_channels: vision.channels,
      projection_dim: projectionDim,
    },
  };
}
