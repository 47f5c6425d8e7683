import { ClipError } from "@clip-ts/base";
import type { HostArray, HostArrays } from "@clip-ts/core";
import { layOutLeaves, type LeafLayout, type LeafPlace } from "./leaf-layout.ts";
import type { TrainingSpec, TrainingState } from "./training-spec.ts";

/** The state of a training in flat arrays: one for parameters, gradients and each slot. */
export interface FlatState {
  readonly layout: LeafLayout;
  /** Trained parameters. */
  readonly param: Float32Array;
  readonly grad: Float32Array;
  readonly slots: readonly Float32Array[];
  /** All parameters and all gradients by path; views of the flat arrays where trained. */
  readonly params: HostArrays;
  readonly grads: HostArrays;
  read(): TrainingState;
  write(state: Partial<TrainingState>): void;
}

function paramShape(params: HostArrays, path: string): readonly number[] {
  const shape = params[path]?.shape;
  if (shape !== undefined) return shape;
  throw new ClipError("bad-argument", `There is no parameter "${path}" to be trained.`);
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
    place.data.set(data);
  }
}

/** What `FlatState` is made of. */
type FlatArrays = Omit<FlatState, "read" | "write"> & {
  readonly named: TrainingState["slots"];
};

function fillArrays(spec: TrainingSpec): FlatArrays {
  const layout = layOutLeaves(spec.leaves, (path) => paramShape(spec.params, path), spec.whole);
  const flat = (): Float32Array => new Float32Array(layout.length);
  const [param, grad, slots] = [flat(), flat(), spec.slots.map(flat)];
  const trained = viewsOf(param, layout.places);
  const params = Object.fromEntries(
    Object.entries(spec.params).map(([path, { data, shape }]) => [
      path,
      trained[path] ?? { data: data.slice(), shape },
    ]),
  );
  copyInto(params, spec.params, "a parameter");
  const named = Object.fromEntries(
    spec.slots.map((slot, index) => [slot, viewsOf(slots[index] as Float32Array, layout.places)]),
  );
  return { layout, param, grad, slots, params, grads: viewsOf(grad, layout.places), named };
}

/**
 * Flat arrays for the parameters and slots of a training, filled with where it starts. Its functions
 * must not see `spec`: they would keep the starting parameters, a second copy, in memory.
 */
export function createFlatState(spec: TrainingSpec): FlatState {
  return accessTo(fillArrays(spec));
}

function accessTo({ named, ...arrays }: FlatArrays): FlatState {
  const { params } = arrays;
  return {
    ...arrays,
    read: () => ({ params, slots: named }),
    write(state) {
      copyInto(params, state.params ?? {}, "a parameter");
      for (const [slot, leaves] of Object.entries(state.slots ?? {})) {
        copyInto(named[slot] ?? {}, leaves, `in slot "${slot}" a leaf`);
      }
    },
  };
}
