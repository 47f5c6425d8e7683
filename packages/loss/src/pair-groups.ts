import { ClipError } from "@clip-ts/base";

/** The first member of the group that `row` is in. */
function leaderOf(leaders: Int32Array, row: number): number {
  let leader = row;
  while (leaders[leader] !== leader) leader = leaders[leader] as number;
  return leader;
}

/**
 * Numbers pairs so that those with the same image or the same caption share a number, also by way of a
 * third: the `groups` of `multiPositiveLoss`. `images` and `captions` are what tells them apart, row by
 * row: keys, hashes or the captions themselves.
 * @throws ClipError "bad-argument" if there are not as many captions as images.
 */
export function pairGroups(
  images: readonly (string | number)[],
  captions: readonly (string | number)[],
): Int32Array {
  if (images.length !== captions.length) {
    throw new ClipError(
      "bad-argument",
      `Pairs need an image and a caption each; got ${images.length} images and ${captions.length} captions.`,
    );
  }
  const leaders = Int32Array.from(images, (_, row) => row);
  for (const side of [images, captions]) {
    const first = new Map<string | number, number>();
    side.forEach((name, row) => {
      const earlier = first.get(name);
      if (earlier === undefined) return void first.set(name, row);
      const [a, b] = [leaderOf(leaders, earlier), leaderOf(leaders, row)];
      leaders[Math.max(a, b)] = Math.min(a, b);
    });
  }
  return leaders.map((_, row) => leaderOf(leaders, row));
}
