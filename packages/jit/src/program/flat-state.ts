import { ClipError } from "@clip-ts/base";
import { sizeOf, type HostArray, type HostArrays } from "@clip-ts/core";
import { shapeOfLeaf, type ProgramState, type StartingState } from "./program.ts";
import { slotShapeOf, type LeafRule } from "./step-functions.ts";

/** Runs a task for every item, up to `lanes` at a time, each lane taking the next item when it is free. */
export async function runInLanes<Item>(
  items: readonly Item[],
  lanes: number,
  task: (item: Item) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next] as Item;
      next += 1;
      await task(item);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** A stretch of the flat arrays. */
export interface Chunk {
  readonly group: LeafGroup;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts groups into stretches of at most `length` elements, small enough for a processor's cache; leaves
 * that are updated as a whole stay so.
 */
export function chunksOf(groups: readonly LeafGroup[], length: number): Chunk[] {
  return groups.flatMap((group) => {
    if (group.shape !== undefined) return [{ group, start: group.start, end: group.end }];
    const count = Math.ceil((group.end - group.start) / length);
    return Array.from({ length: count }, (_, index) => {
      const start = group.start + index * length;
      return { group, start, end: Math.min(start + length, group.end) };
    });
  });
}

/** The numbers an update rule knows a leaf by, such as its weight decay. */
export type LeafSettings = Readonly<Record<string, number>>;

/** Where one leaf lies in a flat array. */
export interface LeafPlace {
  readonly path: string;
  readonly shape: readonly number[];
  /** Index of the first element. */
  readonly start: number;
  readonly length: number;
}

/** Leaves with equal settings, which one elementwise function can update as a single range. */
export interface LeafGroup {
  readonly settings: LeafSettings;
  readonly start: number;
  readonly end: number;
  /** Of a leaf that is updated as a whole, alone in its group. */
  readonly shape?: readonly number[];
}

/** How the leaves of a tree lie in one flat array. */
export interface LeafLayout {
  readonly places: readonly LeafPlace[];
  readonly groups: readonly LeafGroup[];
  /** Elements in all, gaps included. */
  readonly length: number;
}

/** Leaves start at multiples of this many elements: one cache line of float32. */
const alignment = 16;

const keyOf = (settings: LeafSettings): string =>
  JSON.stringify(Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/**
 * Lays leaves out one after the other, those with equal settings side by side; each of `whole` is a
 * group of its own.
 */
export function layOutLeaves(
  leaves: Readonly<Record<string, LeafSettings>>,
  shapeOf: (path: string) => readonly number[],
  whole: ReadonlySet<string> = new Set(),
): LeafLayout {
  const alike = new Map<string, string[]>();
  for (const [path, settings] of Object.entries(leaves)) {
    const key = whole.has(path) ? path : keyOf(settings);
    alike.set(key, [...(alike.get(key) ?? []), path]);
  }
  const places: LeafPlace[] = [];
  const groups: LeafGroup[] = [];
  let next = 0;
  for (const paths of alike.values()) {
    const start = next;
    for (const path of paths) {
      const shape = shapeOf(path);
      const length = sizeOf(shape);
      places.push({ path, shape, start: next, length });
      next += Math.ceil(length / alignment) * alignment;
    }
    const first = paths[0] as string;
    const settings = leaves[first] as LeafSettings;
    const { shape, length } = places.at(-1) as LeafPlace;
    groups.push(whole.has(first) ? { settings, start, end: start + length, shape } : { settings, start, end: next });
  }
  return { places, groups, length: next };
}

/** The state of a training in flat arrays: one for parameters, gradients and each slot. */
export interface FlatState extends ProgramState {
  readonly layout: LeafLayout;
  /** What learns: parameters, gradients, and slots in the rule's order. */
  readonly flat: {
    readonly param: Float32Array;
    readonly grad: Float32Array;
    readonly slots: readonly FlatSlot[];
  };
}

/** One slot of all leaves. */
interface FlatSlot {
  readonly data: Float32Array;
  /** As those of the parameters' layout, one for one; other places, where a slot has shapes of its own. */
  readonly groups: readonly LeafGroup[];
}

function viewsOf(flat: Float32Array, places: readonly LeafPlace[]): Record<string, HostArray> {
  const view = ({ path, shape, start, length }: LeafPlace): [string, HostArray] => [
    path,
    { data: flat.subarray(start, start + length), shape },
  ];
  return Object.fromEntries(places.map(view));
}

function copyInto(target: HostArrays, source: HostArrays, what: string): void {
  for (const [path, { data, shape }] of Object.entries(source)) {
    const place = target[path];
    if (place?.data.length !== data.length) {
      throw new ClipError(
        "bad-argument",
        `Expected ${what} "${path}" of shape [${(place?.shape ?? ["none"]).join(", ")}]; got [${shape.join(", ")}].`,
      );
    }
    if (place.data !== data) place.data.set(data);
  }
}

/** Copies what is given into the state; leaves that are left out stay. */
export function writeFlatState({ params, slots, gradients }: ProgramState, given: Partial<ProgramState>): void {
  copyInto(params, given.params ?? {}, "a parameter");
  copyInto(gradients, given.gradients ?? {}, "a gradient");
  for (const [slot, leaves] of Object.entries(given.slots ?? {})) {
    copyInto(slots[slot] ?? {}, leaves, `in slot "${slot}" a leaf`);
  }
}

/** The stretches of the flat gradients that hold these leaves: neighbours share one. */
export function stretchesOf({ layout, flat }: FlatState, isWanted: (path: string) => boolean): Float32Array[] {
  const ranges: { start: number; end: number }[] = [];
  let isNeighbour = false;
  for (const { path, start, length } of layout.places) {
    const [last, end] = [ranges.at(-1), start + length];
    if (isWanted(path) && isNeighbour && last !== undefined) last.end = end;
    else if (isWanted(path)) ranges.push({ start, end });
    isNeighbour = isWanted(path);
  }
  return ranges.map(({ start, end }) => flat.grad.subarray(start, end));
}

/** Flat arrays for parameters, gradients and slots, filled with where a training starts. */
export function createFlatState(update: LeafRule, start: StartingState): FlatState {
  const shapeOf = (path: string): readonly number[] => shapeOfLeaf(start.params, path);
  const layout = layOutLeaves(update.leaves, shapeOf, update.whole);
  const flat = (): Float32Array => new Float32Array(layout.length);
  const [param, grad] = [flat(), flat()];
  const slotLayouts = update.slots.map((slot) => {
    const shapeOfSlot = (path: string): readonly number[] => slotShapeOf(update, slot, [path, shapeOf(path)]);
    return layOutLeaves(update.leaves, shapeOfSlot, update.whole);
  });
  const slots = slotLayouts.map(({ length, groups }): FlatSlot => ({ data: new Float32Array(length), groups }));
  const trained = viewsOf(param, layout.places);
  const params = Object.fromEntries(
    Object.entries(start.params).map(([path, { data, shape }]) => [
      path,
      trained[path] ?? { data: data.slice(), shape },
    ]),
  );
  const named = update.slots.map((slot, index): [string, HostArrays] => [
    slot,
    viewsOf((slots[index] as FlatSlot).data, (slotLayouts[index] as LeafLayout).places),
  ]);
  const gradients = viewsOf(grad, layout.places);
  const state = { params, slots: Object.fromEntries(named), gradients };
  writeFlatState(state, start);
  return { layout, flat: { param, grad, slots }, ...state };
}
