import { ClipError } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";
import { layOutLeaves, type LeafLayout, type LeafPlace } from "./leaf-layout.ts";
import { shapeOfLeaf, type ProgramState, type StartingState } from "./program.ts";
import type { LeafRule } from "./step-functions.ts";

/** The state of a training in flat arrays: one for parameters, gradients and each slot. */
export interface FlatState extends ProgramState {
  readonly layout: LeafLayout;
  /** What learns: parameters, gradients, and slots in the rule's order. */
  readonly flat: {
    readonly param: Float32Array;
    readonly grad: Float32Array;
    readonly slots: readonly Float32Array[];
  };
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
export function writeFlatState(
  { params, slots, gradients }: ProgramState,
  given: Partial<ProgramState>,
): void {
  copyInto(params, given.params ?? {}, "a parameter");
  copyInto(gradients, given.gradients ?? {}, "a gradient");
  for (const [slot, leaves] of Object.entries(given.slots ?? {})) {
    copyInto(slots[slot] ?? {}, leaves, `in slot "${slot}" a leaf`);
  }
}

/** Flat arrays for parameters, gradients and slots, filled with where a training starts. */
export function createFlatState(update: LeafRule, start: StartingState): FlatState {
  const shapeOf = (path: string): readonly number[] => shapeOfLeaf(start.params, path);
  const layout = layOutLeaves(update.leaves, shapeOf, update.whole);
  const flat = (): Float32Array => new Float32Array(layout.length);
  const [param, grad, slots] = [flat(), flat(), update.slots.map(flat)];
  const trained = viewsOf(param, layout.places);
  const params = Object.fromEntries(
    Object.entries(start.params).map(([path, { data, shape }]) => [
      path,
      trained[path] ?? { data: data.slice(), shape },
    ]),
  );
  const named = update.slots.map((slot, index): [string, HostArrays] => [
    slot,
    viewsOf(slots[index] as Float32Array, layout.places),
  ]);
  const gradients = viewsOf(grad, layout.places);
  const state = { params, slots: Object.fromEntries(named), gradients };
  writeFlatState(state, start);
  return { layout, flat: { param, grad, slots }, ...state };
}
