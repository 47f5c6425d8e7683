/** An endless stream of random numbers, the same on every platform for the same seed and path. */
export interface RandomStream {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number;
  /** Uniform in 0, 1, … `bound` - 1. */
  integer(bound: number): number;
  /** Standard normal. */
  normal(): number;
}

/** Four 32-bit words from a text: FNV-1a with four offsets, each finished by murmur3's mixer. */
function hashWords(text: string): Uint32Array {
  const words = new Uint32Array([0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35]);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    for (let lane = 0; lane < 4; lane++) {
      words[lane] = Math.imul((words[lane] ?? 0) ^ (unit + lane), 0x01000193);
    }
  }
  return words.map((word) => {
    let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  });
}

/** Chris Doty-Humphrey's small fast counter generator, sfc32 (PractRand, public domain). */
function sfc32(words: Uint32Array): () => number {
  let [a = 0, b = 0, c = 0, counter = 1] = words;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}

/**
 * The stream of (seed, path): independent of every other path, so that adding a parameter, an epoch
 * or a record changes no other draw.
 */
export function randomStream(seed: number, ...path: readonly (string | number)[]): RandomStream {
  const uniform = sfc32(hashWords(JSON.stringify([seed, ...path])));
  let spare: number | undefined;
  return {
    uniform,
    integer: (bound) => Math.floor(uniform() * bound),
    normal() {
      if (spare !== undefined) {
        const kept = spare;
        spare = undefined;
        return kept;
      }
      // Marsaglia's polar method: two normals from a point inside the unit circle.
      for (;;) {
        const x = 2 * uniform() - 1;
        const y = 2 * uniform() - 1;
        const squared = x * x + y * y;
        if (squared === 0 || squared >= 1) continue;
        const factor = Math.sqrt((-2 * Math.log(squared)) / squared);
        spare = y * factor;
        return x * factor;
      }
    },
  };
}

/** A shuffled copy (Fisher-Yates). */
export function shuffled<Item>(items: Iterable<Item>, random: RandomStream): Item[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    const kept = copy[last] as Item;
    copy[last] = copy[other] as Item;
    copy[other] = kept;
  }
  return copy;
}
