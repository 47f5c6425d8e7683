import { expect, test } from "vitest";
import { clipPreprocess, siglipPreprocess, torchvisionPreprocess } from "./preprocess-config.ts";
import { findPreprocess, readPreprocessorFiles } from "./preprocessor-files.ts";
import { formatPreprocessorConfig } from "./preprocessor-format.ts";

const model = { vision: { imageSize: 8 } };
const halved = { ...clipPreprocess(8), ...siglipPreprocess(8), resize: "shortest" } as const;
const older = { "preprocessor_config.json": formatPreprocessorConfig(clipPreprocess(8)) };
const nested = {
  "processor_config.json": {
    image_processor: formatPreprocessorConfig(halved),
    feature_extractor: { feature_size: 1 },
    processor_class: "CLIPProcessor",
  },
};

/** A folder of these files, and what it was said to. */
function folderOf(files: Readonly<Record<string, unknown>>) {
  const notices: string[] = [];
  const read = (name: string): Promise<unknown> => Promise.resolve(files[name]);
  return { place: "here", read, onNotice: (line: string) => void notices.push(line), notices };
}

test("the section of the newer file says it where the older file is missing", async () => {
  const folder = folderOf(nested);
  expect(await findPreprocess(folder, model)).toEqual(halved);
  expect(folder.notices).toEqual([]);
});

test("the older file comes first, and a newer one that differs is named", async () => {
  const folder = folderOf({ ...older, ...nested });
  expect(await findPreprocess(folder, model)).toEqual(clipPreprocess(8));
  expect(folder.notices).toEqual([
    expect.stringMatching(/^here: preprocessor_config.json is used .*which transformers 5 prefers/u),
  ]);
  const equal = { processor_config: older["preprocessor_config.json"] };
  const same = folderOf({
    ...older,
    "processor_config.json": { image_processor: equal.processor_config },
  });
  expect(await findPreprocess(same, model)).toEqual(clipPreprocess(8));
  expect(same.notices).toEqual([]);
});

test("where neither says it, what is usual is taken and said", async () => {
  const files = { "processor_config.json": { processor_class: "CLIPProcessor" } };
  const folder = folderOf(files);
  expect(await readPreprocessorFiles(folder)).toBeUndefined();
  expect(folder.notices).toEqual([]);
  expect(await findPreprocess(folder, model)).toEqual(torchvisionPreprocess(clipPreprocess(8)));
  expect(folder.notices).toEqual([
    "here: no preprocessor_config.json and no image_processor in a processor_config.json says how pictures " +
      "are prepared; taken is what is usual for this kind of model: shortest side to 8, torchvision's middle, " +
      "bicubic, RGB after the resize, mean 0.48145466 0.4578275 0.40821073, deviation 0.26862954 0.26130258 0.27577711.",
  ]);
  const siglip = { vision: { imageSize: 8, pooling: "attention" } };
  expect(await findPreprocess(folderOf({}), siglip)).toEqual(siglipPreprocess(8));
});

test.each([
  [{ "processor_config.json": [] }, /processor_config.json must be an object/u],
  [{ "processor_config.json": { image_processor: 3 } }, /image_processor must be an object, got 3/u],
  [
    { "processor_config.json": { image_processor: { crop_pct: 0.9 } } },
    /processor_config.json, image_processor: "crop_pct"/u,
  ],
  [{ ...older, "processor_config.json": { image_processor: { resample: 7 } } }, /"resample"/u],
  [
    { "preprocessor_config.json": formatPreprocessorConfig(clipPreprocess(9)) },
    /become 9 pixels high and wide, but the model takes 8/u,
  ],
])("refuses %j", async (files, message) => {
  await expect(findPreprocess(folderOf(files), model)).rejects.toThrow(message);
});
