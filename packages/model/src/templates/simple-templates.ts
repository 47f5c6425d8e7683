/**
 * The seven templates that OpenAI found to do nearly as well as all 80, by forward selection
 * (notebook "Prompt Engineering for ImageNet" of github.com/openai/CLIP, MIT licence).
 */
export const simpleTemplates: readonly string[] = [
  "itap of a {}.",
  "a bad photo of the {}.",
  "a origami {}.",
  "a photo of the large {}.",
  "a {} in a video game.",
  "art of the {}.",
  "a photo of the small {}.",
];
