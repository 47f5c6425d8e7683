import { expect, test } from "vitest";
import type { SwinConfig } from "@clip-ts/vision-encoder";
import { headsOf } from "../config.ts";
import { formatOpenClipConfig, parseOpenClipConfig } from "./open-clip.ts";

/** open_clip 3.3's `swin_base_patch4_window7_224.json`. */
const published = {
  embed_dim: 640,
  vision_cfg: {
    timm_model_name: "swin_base_patch4_window7_224",
    timm_model_pretrained: false,
    timm_pool: "",
    timm_proj: "linear",
    image_size: 224,
  },
  text_cfg: { context_length: 77, vocab_size: 49408, width: 640, heads: 10, layers: 12 },
};

test("open_clip's Swin is read by its name in timm, and written so", () => {
  const config = parseOpenClipConfig(published);
  expect(config.vision).toMatchObject({ kind: "swin", width: 128, layers: [2, 2, 18, 2], window: 7 });
  expect(headsOf(config)).toEqual({ image: "linear", text: "linear" });
  const written = formatOpenClipConfig(config);
  expect(written.model_cfg["vision_cfg"]).toEqual({ ...published.vision_cfg, timm_pool: "avg" });
  expect(parseOpenClipConfig(written)).toEqual(config);
});

test("a Swin of sizes that timm does not name stays out of open_clip's format", () => {
  const config = parseOpenClipConfig(published);
  const vision: SwinConfig = { ...(config.vision as SwinConfig), layers: [2, 2, 2, 2] };
  expect(() => formatOpenClipConfig({ ...config, vision })).toThrow("a Swin transformer of these sizes");
});

test("what timm names otherwise is refused by the key", () => {
  const other = { ...published.vision_cfg, timm_model_name: "swin_huge_patch4_window7_224" };
  expect(() => parseOpenClipConfig({ ...published, vision_cfg: other })).toThrow(
    "timm_model_name should be one of timm's",
  );
  const mlp = { ...published.vision_cfg, timm_proj: "mlp" };
  expect(() => parseOpenClipConfig({ ...published, vision_cfg: mlp })).toThrow("timm_proj should be");
});
