// What packages/image draws, counted for check_draws.py: one order as JSON on standard input, one answer on standard output.
import { readFileSync } from "node:fs";
import { randomStream } from "../../packages/base/dist/index.js";
import { eraseParts } from "../../packages/image/dist/erase.js";
import { autoAugment } from "../../packages/image/dist/index.js";
import { drawRectangle } from "../../packages/image/dist/random-resized-crop.js";

const { count, policies, erasing, crops, seed } = JSON.parse(readFileSync(0, "utf8"));

/** How often a number came, and its first two moments. */
const counter = () => ({ count: 0, sum: 0, squares: 0 });
function add(into, name, value) {
  const found = (into[name] ??= counter());
  found.count++;
  found.sum += value;
  found.squares += value * value;
}

function drawsOf(words) {
  const random = randomStream(seed, words);
  const image = { data: new Uint8Array(3 * 16).fill(90), width: 4, height: 4, channels: 3 };
  const found = {};
  for (let index = 0; index < count; index++) {
    let done = 0;
    autoAugment(
      image,
      words,
      {
        size: 224,
        mean: [0.5, 0.5, 0.5],
        interpolation: "bilinear",
        onStep: ({ name, amount }) => {
          done++;
          add(found, name, amount);
        },
        onMix: (shares, mixed) => {
          add(found, "mixed", mixed);
          add(found, "largest share", Math.max(...shares));
        },
      },
      random,
    );
    add(found, "operations", done);
  }
  return found;
}

/** Parts of planes of ones that became zeros: their area as a share, and their sides where there is one part. */
function erasedBy({ height, width, ...config }) {
  const random = randomStream(seed, "erase", JSON.stringify(config));
  const found = {};
  for (let index = 0; index < count; index++) {
    const planes = new Float32Array(3 * height * width).fill(1);
    eraseParts(planes, { height, width }, { ...config, mode: "const" }, random);
    const rows = new Set();
    const columns = new Set();
    let area = 0;
    for (let place = 0; place < height * width; place++) {
      if (planes[place] !== 0) continue;
      area++;
      rows.add(Math.floor(place / width));
      columns.add(place % width);
    }
    if (area === 0) continue;
    add(found, "area", area / (height * width));
    if (config.count === 1) add(found, "aspect", Math.log(rows.size / columns.size));
  }
  return found;
}

function cropsOf({ width, height, scale, ratio }) {
  const random = randomStream(seed, "crop", `${width}x${height}`);
  const found = {};
  for (let index = 0; index < count; index++) {
    const part = drawRectangle({ width, height }, { scale, ratio }, random);
    add(found, "area", (part.width * part.height) / (width * height));
    add(found, "aspect", Math.log(part.width / part.height));
    add(found, "left", part.left);
    add(found, "top", part.top);
  }
  return found;
}

const each = (list, draw) => list.map((one) => draw(one));
console.log(
  JSON.stringify({ policies: each(policies, drawsOf), erasing: each(erasing, erasedBy), crops: each(crops, cropsOf) }),
);
