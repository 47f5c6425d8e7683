import { sidesOf } from "@clip-ts/base";
// @ts-check
// Embeds pictures on one engine; each message is answered with what it gave.
import { openClip } from "@clip-ts/web";
import { engineFiles } from "../../apps/demo/src/engine-files.ts";

/** @type {import("@clip-ts/model").Clip<import("@clip-ts/web").ImageSource> | undefined} */
let clip;
/** @type {Record<"files" | "pixels", import("@clip-ts/web").ImageSource[]>} */
const pictures = { files: [], pixels: [] };

/** @type {(name: string) => Promise<Response>} */
const fetched = (name) => fetch(new URL(name, location.origin));

const answers = {
  /** @param {{ model: string, engine: import("@clip-ts/web").EngineName, threads: number, count: number }} asked */
  async open({ model, engine, threads, count }) {
    /** @type {import("@clip-ts/web").StartedEngine | undefined} */
    let started;
    clip = await openClip(new URL(model, location.origin), {
      ...engineFiles,
      engine,
      threads,
      onEngine: (running) => (started = running),
    });
    const { height, width } = sidesOf(clip.config.vision.imageSize);
    const bytes = new Uint8Array(await (await fetched("/images/pixels.bin")).arrayBuffer());
    const size = height * width * 3;
    for (let index = 0; index < count; index++) {
      pictures.files.push(await (await fetched(`/images/image-${index}.jpg`)).blob());
      const data = bytes.subarray(index * size, (index + 1) * size);
      pictures.pixels.push({ data, width, height, channels: 3 });
    }
    return { detail: started?.detail, threads: started?.threads, isIsolated: crossOriginIsolated };
  },
  /** @param {{ part: "files" | "pixels", shows: boolean }} asked */
  async embed({ part, shows }) {
    const startedAt = performance.now();
    const features = await clip?.embedImages(pictures[part]);
    const milliseconds = performance.now() - startedAt;
    return { milliseconds, values: shows ? [...(features?.values ?? [])] : [] };
  },
};

addEventListener("message", async ({ data }) => {
  try {
    const answer = /** @type {Record<string, (asked: any) => Promise<object>>} */ (answers)[data.ask];
    postMessage(await answer?.(data));
  } catch (error) {
    postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});
