/** What many numbers are like. */
export interface DistributionSummary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** The 5th, 25th, 50th, 75th and 95th percentile, right to 1 %. */
  readonly percentiles: Readonly<Record<5 | 25 | 50 | 75 | 95, number>>;
}

/** A bar of a histogram: values from `from` up to, not including, `to`. */
export interface Bar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Numbers from 0 on, counted without being kept: memory does not grow with how many there are. */
export interface Distribution {
  add(value: number): void;
  /** Undefined as long as nothing was added. */
  summary(): DistributionSummary | undefined;
  /** How many are above a value: exactly for whole numbers below 128, else to 1 % of the value. */
  countAbove(value: number): number;
  /** At most so many bars of equal widths, the last of which holds all above the 99th percentile; none without values. */
  bars(most: number): Bar[];
}

/** Below it whole numbers have a bin each; above it bins are 1 % wide. */
const exact = 128;
const step = Math.log(1.01);

const binOf = (value: number): number =>
  value < exact ? Math.floor(value) : exact + Math.floor(Math.log(value / exact) / step);

/** The lowest value of a bin. */
const startOf = (bin: number): number => (bin < exact ? bin : exact * Math.exp((bin - exact) * step));

/** A whole-numbered width of bars that is pleasant to read. */
function niceWidth(width: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, width)));
  const found = [1, 2, 5, 10].find((factor) => factor * power >= width) ?? 10;
  return found * power;
}

/** A distribution of nothing yet. */
export function createDistribution(): Distribution {
  const bins = new Map<number, number>();
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  const inOrder = (): [number, number][] => [...bins].toSorted(([one], [other]) => one - other);
  const percentile = (percent: number): number => {
    let left = (percent / 100) * count;
    for (const [bin, here] of inOrder()) {
      left -= here;
      if (left > 0) continue;
      const middle = bin < exact ? bin : (startOf(bin) + startOf(bin + 1)) / 2;
      return Math.min(max, Math.max(min, middle));
    }
    return max;
  };
  return {
    add(value) {
      const bin = binOf(value);
      bins.set(bin, (bins.get(bin) ?? 0) + 1);
      count++;
      sum += value;
      min = Math.min(min, value);
      max = Math.max(max, value);
    },
    summary() {
      if (count === 0) return undefined;
      const [p5, p25, p50, p75, p95] = [5, 25, 50, 75, 95].map(percentile) as [number, number, number, number, number];
      return { count, min, max, mean: sum / count, percentiles: { 5: p5, 25: p25, 50: p50, 75: p75, 95: p95 } };
    },
    countAbove(value) {
      const limit = binOf(value);
      return [...bins].reduce((above, [bin, here]) => above + (bin > limit ? here : 0), 0);
    },
    bars(most) {
      if (count === 0) return [];
      const highest = Math.max(percentile(99), min);
      const width = niceWidth((highest - min + 1) / most);
      const first = Math.floor(min / width);
      const last = Math.floor(highest / width);
      const counts = new Map<number, number>();
      for (const [bin, here] of bins) {
        const bar = Math.min(last, Math.max(first, Math.floor(startOf(bin) / width)));
        counts.set(bar, (counts.get(bar) ?? 0) + here);
      }
      const numbers = Array.from({ length: last - first + 1 }, (_, at) => first + at);
      return numbers.map((bar) => ({
        from: bar * width,
        to: bar === last ? Math.max((bar + 1) * width, max) : (bar + 1) * width,
        count: counts.get(bar) ?? 0,
      }));
    },
  };
}
