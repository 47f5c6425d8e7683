import type { Steps } from "@clip-ts/base";
import type { Axis } from "./resample-table.ts";
import type { PixelSource } from "./pixel-source.ts";

/** The source pixel of each wanted output pixel of an axis: steps added up one by one, as Pillow does. */
function nearest({ inputSize, box, outputSize, crop }: Axis): Int32Array {
  const [start, end] = box.map(Math.fround) as [number, number]; // Pillow keeps floats
  const step = Math.fround(end - start) / outputSize;
  const places = new Int32Array(crop[1] - crop[0]);
  let place = start + step * 0.5;
  for (let index = 0; index < crop[1]; index++, place += step) {
    if (index >= crop[0]) places[index - crop[0]] = Math.min(Math.trunc(place), inputSize - 1);
  }
  return places;
}

/** Every output pixel is one of the source's, the one that its middle falls on. */
export function* resampleNearest(
  source: PixelSource,
  horizontal: Axis,
  vertical: Axis,
): Steps<Uint8Array> {
  const { channels, first, stride } = source;
  const columns = nearest(horizontal);
  const rows = nearest(vertical);
  const data = new Uint8Array(rows.length * columns.length * channels);
  let to = 0;
  for (const row of rows) {
    const pixel = first + row * stride;
    for (const column of columns) {
      const bytes = source.read(pixel + column, pixel + column + 1);
      for (let channel = 0; channel < channels; channel++) data[to++] = bytes[channel]!;
    }
    yield;
  }
  return data;
}
