import { ClipError } from "@clip-ts/base";
import type { ClipConfig } from "@clip-ts/model";
import { isOwnText, textKind } from "@clip-ts/text-encoder";
import { isVit, visionTower } from "@clip-ts/vision-encoder";
import type { TensorFile } from "@clip-ts/weights";

/** OpenAI's heads are this long, in every model. */
const headWidth = 64;

/** Published checkpoints that were trained with QuickGELU, by their names on the hub and in its cache. */
const quickGelu =
  /(openai(\/|--)clip-|_clip_[^/]*\.openai|quickgelu|facebook(\/|--)metaclip-[bl]|apple(\/|--)DFN\w+-CLIP)/iu;

/** Whether the file is one of OpenAI's own: TorchScript under their names. */
export function isOpenaiArchive(file: TensorFile): boolean {
  return file.metadata["format"] === "torchscript" && file.names.includes("token_embedding.weight");
}

function fail(message: string, data: Readonly<Record<string, unknown>>): never {
  throw new ClipError("bad-config", message, { data });
}

/** Activations of those towers whose kind leaves a choice. */
function activationsOf({ vision, text }: ClipConfig): readonly string[] {
  const image = isVit(vision) && vision.pooling !== "attention" ? [vision.activation] : [];
  return !isOwnText(text) && textKind(text) === "clip" ? [...image, text.activation] : image;
}

/** How many heads a tower has, and should have. */
interface Heads {
  readonly tower: string;
  readonly heads: number;
  readonly expected: number;
}

/** Heads of towers that have any. */
function headsOf({ vision, text }: ClipConfig): Heads[] {
  const found: Heads[] = [];
  if ("heads" in vision) {
    const expected = visionTower(vision).attentionWidth(vision) / headWidth;
    found.push({ tower: "vision", heads: vision.heads, expected });
  }
  if ("heads" in text) {
    found.push({ tower: "text", heads: text.heads, expected: text.width / headWidth });
  }
  return found;
}

function checkHeads(config: ClipConfig, model: string): void {
  for (const { tower, heads, expected } of headsOf(config)) {
    if (heads === expected) continue;
    fail(
      `${model} is OpenAI's checkpoint, whose ${tower} tower has ${expected} attention heads, but the config says ` +
        `${heads}; the features would be wrong. Correct the config.`,
      { model, tower, heads, expected },
    );
  }
}

/**
 * Holds a config against what is known of where the weights come from: shapes do not show a wrong
 * activation or head count, and the model would only be quietly worse.
 * @throws ClipError "bad-config" that names what is wrong.
 */
export function checkOrigin(config: ClipConfig, model: string, file: TensorFile): void {
  const isOpenai = isOpenaiArchive(file) || /openai(\/|--)clip-/u.test(model);
  const wrong = activationsOf(config).find((activation) => activation !== "quick_gelu");
  if (wrong !== undefined && (isOpenai || quickGelu.test(model))) {
    fail(
      `${model} was trained with QuickGELU, but the config says ${wrong}; the features would be wrong. ` +
        'Set the activation to "quick_gelu" (quick_gelu: true in open_clip\'s config).',
      { model, activation: wrong },
    );
  }
  if (isOpenai) checkHeads(config, model);
}
