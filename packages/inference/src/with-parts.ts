import { ClipError, sameSize, shownSize } from "@clip-ts/base";
import type { ImagePreparer } from "@clip-ts/image";
import { tokenizerForTower, type Tokenizer } from "@clip-ts/tokenizer";
import { hasOpenSide, pixelForm } from "@clip-ts/vision-encoder";
import type { Model } from "./model.ts";

/** What takes the place of a model's own tokenizer and preprocessing. */
export interface OtherParts {
  readonly tokenizer?: Tokenizer | undefined;
  readonly preprocess?: ImagePreparer | undefined;
  /** Of the model's own tokenizer. */
  readonly language?: string | undefined;
}

/** @throws ClipError "unsupported" for a processor whose pictures the vision tower does not read. */
function checkPreparer({ config: { vision } }: Model, { size }: ImagePreparer): void {
  const isOpen = hasOpenSide(pixelForm(vision));
  if (!isOpen && sameSize(size, vision.imageSize)) return;
  const reads = isOpen ? "pictures that keep their shape" : shownSize(vision.imageSize);
  throw new ClipError(
    "unsupported",
    `The image processor makes pictures of ${shownSize(size)} pixels, the vision tower reads ${reads}: ` +
      (isOpen ? "leave it out." : "bring the processor that belongs to the model, or set its size and crop_size."),
    { data: { processor: size, tower: vision.imageSize } },
  );
}

/**
 * The model with another tokenizer, held against its text tower; another preprocessing is only held against its vision
 * tower. What the model's proof says of its own tokenizer is not asked then.
 * @throws ClipError "unsupported" for a tokenizer or a size that the towers do not read, "bad-argument" for a language
 * beside another tokenizer.
 */
export function withParts(model: Model, { tokenizer, preprocess, language }: OtherParts): Model {
  if (preprocess !== undefined) checkPreparer(model, preprocess);
  if (tokenizer === undefined) return model;
  if (language !== undefined) {
    throw new ClipError(
      "bad-argument",
      `The language "${language}" is for the model's own tokenizer: set it in the one that takes its place.`,
      { data: { language } },
    );
  }
  const { text } = model.config;
  const { missingTokenizer: _missing, ...rest } = model;
  return {
    ...rest,
    tokenizer: tokenizerForTower(tokenizer, text),
    async selfCheck() {
      const check = await model.selfCheck();
      if (check === undefined) return undefined;
      const { texts: _texts, ...captions } = check.captions;
      return { ...check, captions };
    },
  };
}
