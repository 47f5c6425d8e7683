import { ClipError } from "@clip-ts/base";
import { mul, sub, type Scalar } from "@tensorflow/tfjs-core";

/** A number of the host, or a scalar tensor where the step is traced into a graph. */
export type ScalarValue = number | Scalar;

/** The numbers of one step by name: see `Optimizer.scalars`. */
export type Scalars = Readonly<Record<string, ScalarValue>>;

/** The scalar of this name; a missing one is an error. */
export function scalarNamed(scalars: Scalars, name: string): ScalarValue {
  const value = scalars[name];
  if (value !== undefined) return value;
  throw new ClipError("bad-argument", `The update needs the scalar "${name}"; take it from scalars().`);
}

/** `value` · `factor`. */
export function times(value: ScalarValue, factor: number): ScalarValue {
  if (typeof value === "number") return value * factor;
  return factor === 1 ? value : mul(value, factor);
}

/** 1 - `value`. */
export function oneMinus(value: ScalarValue): ScalarValue {
  return typeof value === "number" ? 1 - value : sub(1, value);
}

interface WarmUpConfig {
  /** The highest learning rate. */
  readonly learningRate: number;
  /** Steps over which the rate rises linearly to its highest. */
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly steps: number;
}

/** A learning rate over time, as data. The formulas are open_clip's; "rsqrt" is big_vision's. */
export type ScheduleConfig = WarmUpConfig &
  (
    | { readonly kind: "cosine" | "constant" }
    | {
        readonly kind: "constant-cooldown";
        /** Steps at the end over which the rate falls. */
        readonly cooldownSteps: number;
        /** 1 falls linearly, more falls sooner. Default 1. */
        readonly cooldownPower?: number;
        /** The rate after the last step. Default 0. */
        readonly cooldownEndLearningRate?: number;
      }
    | {
        /** Falls as one by the root of the steps, whatever their number: a run may be lengthened as it goes. */
        readonly kind: "rsqrt";
        /** Steps after warm-up until the rate has fallen to 1/√2. Default 10,000. */
        readonly timescale?: number;
        /** Steps by which the fall is ahead, to go on smoothly with another batch size. Default 0. */
        readonly shift?: number;
        /** Steps at the end over which the rate falls to 0 in a line. Default 0. */
        readonly cooldownSteps?: number;
      }
  );

const timescaleOf = ({ timescale = 10_000 }: { readonly timescale?: number }): number => timescale;

/** Settings that count steps. */
const counted = ["warmupSteps", "steps", "cooldownSteps", "shift"] as const;

function check(config: ScheduleConfig): void {
  const given: Partial<Record<(typeof counted)[number], number>> = config;
  for (const name of counted) {
    const count = given[name];
    if (count === undefined || (Number.isInteger(count) && count >= 0)) continue;
    throw new ClipError("bad-config", `${name}: expected a whole number of steps, got ${count}.`);
  }
  const timescale = config.kind === "rsqrt" ? timescaleOf(config) : 1;
  if (!(timescale > 0 && Number.isFinite(timescale))) {
    throw new ClipError("bad-config", `timescale: expected more than 0 steps, got ${timescale}.`);
  }
  const { learningRate } = config;
  if (Number.isFinite(learningRate) && learningRate >= 0) return;
  throw new ClipError("bad-config", `learningRate: expected 0 or more, got ${learningRate}.`);
}

/** How far `step` is on the way from `start` to `end`, 0 to 1. */
function progress(step: number, start: number, end: number): number {
  if (step >= end) return 1;
  return step <= start ? 0 : (step - start) / (end - start);
}

/** The factor on the learning rate once warm-up is over. */
function afterWarmUp(config: ScheduleConfig): (step: number) => number {
  const { learningRate, warmupSteps, steps } = config;
  switch (config.kind) {
    case "constant":
      return () => learningRate;
    case "cosine":
      return (step) => 0.5 * (1 + Math.cos(Math.PI * progress(step, warmupSteps, steps))) * learningRate;
    case "constant-cooldown": {
      const { cooldownSteps, cooldownPower = 1, cooldownEndLearningRate: last = 0 } = config;
      return (step) => {
        const left = 1 - progress(step, steps - cooldownSteps, steps);
        return left ** cooldownPower * (learningRate - last) + last;
      };
    }
    case "rsqrt": {
      const { shift = 0, cooldownSteps = 0 } = config;
      return (step) => {
        const left = cooldownSteps === 0 ? 1 : 1 - progress(step, steps - cooldownSteps, steps);
        return (left * learningRate) / Math.sqrt(1 + (step + shift - warmupSteps) / timescaleOf(config));
      };
    }
  }
}

/** What warm-up rises to: the rate with which `kind` begins. */
const highestRate = (config: ScheduleConfig): number =>
  config.kind === "rsqrt"
    ? config.learningRate / Math.sqrt(1 + (config.shift ?? 0) / timescaleOf(config))
    : config.learningRate;

/**
 * The learning rate of each step, counted from 0: highest · (step + 1) / warmupSteps during
 * warm-up, then by `kind`. After the last step the rate stays where it ended, but for "rsqrt", which falls on.
 */
export function createSchedule(config: ScheduleConfig): (step: number) => number {
  check(config);
  const { warmupSteps } = config;
  const [highest, later] = [highestRate(config), afterWarmUp(config)];
  return (step) => (step < warmupSteps ? (highest * (step + 1)) / warmupSteps : later(step));
}
