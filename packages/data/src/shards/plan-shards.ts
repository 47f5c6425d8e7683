import { ClipError, randomStream } from "@clip-ts/base";
import { gather, lastStart, startsOf } from "./gather.ts";
import { orderGroup, type GroupOrder, type GroupRange, type OrderSettings } from "./group-order.ts";
import { permutationOf, type Permutation } from "./permutation.ts";

/** Shards that are drawn from together, by their numbers of samples. */
export interface PlannedGroup {
  /** Names it in messages. */
  readonly label: string;
  readonly counts: readonly number[];
  /** How often its samples come an epoch, on average. */
  readonly weight: number;
}

/** What decides an epoch's order. */
export interface PlanOptions extends Partial<OrderSettings> {
  readonly groups: readonly PlannedGroup[];
  readonly seed: number;
  readonly epoch: number;
}

/** A shard of a set: its group's place in the set, its own in the group. */
export interface ShardPlace {
  readonly group: number;
  readonly shard: number;
}

/** The sample of a position. */
export interface PlannedSample extends ShardPlace {
  readonly sample: number;
  /** Tells apart how a sample is drawn where it may come again in its epoch; 0 the first time. */
  readonly repeat: number;
}

/** The order of an epoch, position by position: a function, not a list. */
export interface ShardPlan {
  readonly epoch: number;
  /** Positions of the epoch, the same in each. */
  readonly length: number;
  /** Number of windows: stretches of positions that draw from a few shards. */
  readonly windows: number;
  at(position: number): PlannedSample;
  windowOf(position: number): number;
  /** First position of a window, and one past its last. */
  boundsOf(window: number): GroupRange;
  /** The shards that a window draws from, each once. */
  shardsOf(window: number): readonly ShardPlace[];
}

/** A stretch of a group's run of positions. */
interface Piece extends GroupRange {
  readonly group: number;
}

const lengthOf = ({ from, to }: GroupRange): number => to - from;
const totalOf = (ranges: readonly GroupRange[]): number => ranges.reduce((sum, range) => sum + lengthOf(range), 0);

/** A group with its order and its share of the epoch. */
interface Share {
  readonly group: number;
  readonly order: GroupOrder;
  readonly range: GroupRange;
}

/** The range of its own positions that a group gives an epoch: round(weight * samples), on from the epoch before. */
function shareOf({ label, weight }: PlannedGroup, { samples }: GroupOrder, epoch: number): GroupRange {
  const length = Math.round(weight * samples);
  if (!(weight > 0 && Number.isFinite(weight)) || (samples > 0 && length === 0)) {
    throw new ClipError(
      "bad-config",
      `${label}: expected a weight above 0 that draws at least one of its ${samples} samples an epoch, got ${weight}`,
      { data: { label, weight, samples } },
    );
  }
  return { from: epoch * length, to: (epoch + 1) * length };
}

/** What joins small pieces of windows: neighbours that together are long enough. */
function joinPieces(pieces: readonly Piece[], windowSamples: number): Piece[][] {
  return gather<Piece>(pieces, { items: 1, size: windowSamples, sizeOf: lengthOf });
}

const piecesOf = ({ group, order, range }: Share): Piece[] => order.cut(range).map((piece) => ({ ...piece, group }));

/**
 * The windows of a mixture: those of the group that gives most, and of each other group a slice that is as large a part
 * of its share.
 */
function mixWindows(shares: readonly Share[], windowSamples: number): Piece[][] {
  const [leading] = shares.toSorted((one, other) => lengthOf(other.range) - lengthOf(one.range));
  if (leading === undefined) return [];
  const first = leading.range.from;
  return joinPieces(piecesOf(leading), windowSamples).map((pieces) => {
    const [start, end] = [pieces[0]!.from - first, pieces.at(-1)!.to - first];
    const slices = shares.map(({ group, range }): Piece => {
      if (group === leading.group) return { group, from: first + start, to: first + end };
      const edge = (place: number): number =>
        range.from + Math.floor((lengthOf(range) * place) / lengthOf(leading.range));
      return { group, from: edge(start), to: edge(end) };
    });
    return slices.filter((slice) => lengthOf(slice) > 0);
  });
}

/**
 * How the positions of a window are mixed: not at all if they are those of one window of one group, which are mixed
 * already.
 */
function mixing(
  pieces: readonly Piece[],
  orders: readonly GroupOrder[],
  path: readonly [seed: number, epoch: number, window: number],
): Permutation | undefined {
  const [piece] = pieces;
  const isOne = pieces.length === 1 && piece !== undefined && orders[piece.group]!.cut(piece).length === 1;
  const [seed, epoch, window] = path;
  return isOne ? undefined : permutationOf(totalOf(pieces), randomStream(seed, "mixture", epoch, window));
}

/**
 * The order of an epoch from numbers of samples alone: position -> (group, shard, sample), a function of (seed, epoch,
 * position) whose memory grows with shards, not with samples. A group of n samples and weight w gives round(w * n)
 * positions, and goes on in the next epoch where it ended: over enough epochs its samples come equally often, and with
 * weight 1 each exactly once an epoch. Groups are mixed window by window, in proportion.
 * @throws ClipError "bad-config" for a weight that draws nothing.
 */
export function planShards(options: PlanOptions): ShardPlan {
  const { groups, seed, epoch, shuffle = true, resampled = false } = options;
  const { windowShards = 16, windowSamples = 100_000 } = options;
  const settings = { seed, shuffle, resampled, windowShards, windowSamples };
  const orders = groups.map(({ counts }, group) => orderGroup(counts, group, settings));
  const shares = groups
    .map((group, index): Share => ({
      group: index,
      order: orders[index]!,
      range: shareOf(group, orders[index]!, epoch),
    }))
    .filter(({ range }) => lengthOf(range) > 0);
  const windows = shuffle ? mixWindows(shares, windowSamples) : joinPieces(shares.flatMap(piecesOf), windowSamples);
  const permutations: (Permutation | undefined)[] = windows.map((pieces, window) =>
    shuffle ? mixing(pieces, orders, [seed, epoch, window]) : undefined,
  );
  const lengths = windows.map(totalOf);
  const starts = startsOf(lengths);
  const firsts = new Map(shares.map(({ group, range }) => [group, range.from]));

  const pieceAt = (window: number, place: number): { piece: Piece; inside: number } => {
    let inside = permutations[window]?.(place) ?? place;
    for (const piece of windows[window]!) {
      if (inside < lengthOf(piece)) return { piece, inside };
      inside -= lengthOf(piece);
    }
    throw new ClipError("bad-argument", `expected a position of window ${window}, got ${place}`);
  };

  return {
    epoch,
    length: lengths.reduce((sum, length) => sum + length, 0),
    windows: windows.length,
    at(position) {
      const window = lastStart(starts, position);
      const { piece, inside } = pieceAt(window, position - starts[window]!);
      const { group, from } = piece;
      const { shard, sample, round } = orders[group]!.at(from + inside);
      const first = firsts.get(group)!;
      const repeat = resampled ? from + inside - first + 1 : round - Math.floor(first / orders[group]!.samples);
      return { group, shard, sample, repeat };
    },
    windowOf: (position) => lastStart(starts, position),
    boundsOf: (window) => ({ from: starts[window]!, to: starts[window]! + lengths[window]! }),
    shardsOf(window) {
      const places = windows[window]!.flatMap((piece) =>
        orders[piece.group]!.shardsOf(piece).map((shard): ShardPlace => ({ group: piece.group, shard })),
      );
      const seen = new Set<string>();
      return places.filter(({ group, shard }) => {
        const name = `${group} ${shard}`;
        return !seen.has(name) && seen.add(name);
      });
    },
  };
}
