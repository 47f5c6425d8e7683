import { reasonOf } from "../file-access.ts";
import { limitConcurrency, type Limiter } from "../image-loader.ts";
import { closedError } from "../prefetch.ts";
import type { ShardPlace } from "./plan-shards.ts";
import type { OpenShard, Shard, ShardSet, Unreadable } from "./shard-set.ts";

/** A shard, or why it cannot be had. */
type Opened = OpenShard | Unreadable;

/** The shards in use. Whoever needs some holds them; one that nobody holds is closed. */
export interface OpenShards {
  /** Opens shards, in this order and two at a time; they stay open until all who hold them have released them. */
  hold(places: readonly ShardPlace[]): () => void;
  /** A shard that is held. Rejects once closed. */
  get(place: ShardPlace): Promise<Opened>;
  /** Closes all. What is still being opened is not waited for, which may take long; it is closed then. */
  close(): Promise<void>;
}

/** A shard that somebody holds. */
interface Held {
  holders: number;
  /** Whether `opening` has settled. */
  isOpen: boolean;
  readonly opening: Promise<Opened>;
  /** Settles with `opening`, or when it is given up. */
  readonly opened: Promise<Opened>;
  giveUp(): void;
}

/** Shards that are opened at a time: of remote ones, downloads. */
const openedAtATime = 2;

/** Opens a shard once its turn comes, unless nobody holds it any more. */
function open(shard: Shard, inTurn: Limiter): Held {
  let giveUp = (): void => undefined;
  const given = new Promise<Opened>((resolve) => {
    giveUp = () => resolve({ reason: "it was not needed any more" });
  });
  const attempt = async (): Promise<Opened> => {
    if (held.holders === 0) return given;
    try {
      return await shard.open();
    } catch (error) {
      return { reason: reasonOf(error) };
    }
  };
  // Not in this turn: `held` has no holder yet.
  const opening = Promise.resolve().then(() => inTurn(attempt));
  const held: Held = { holders: 0, isOpen: false, opening, opened: Promise.race([opening, given]), giveUp };
  const settle = (): void => void (held.isOpen = true);
  opening.then(settle, settle);
  return held;
}

/** No shard is open yet. */
export function openShards({ groups }: ShardSet): OpenShards {
  const held = new Map<string, Held>();
  const closing = new Set<Promise<void>>();
  const inTurn = limitConcurrency(openedAtATime);
  let isClosed = false;
  const nameOf = ({ group, shard }: ShardPlace): string => `${group} ${shard}`;

  const close = (name: string, one: Held): void => {
    one.holders = 0;
    one.giveUp();
    held.delete(name);
    const done = one.opening
      .then((shard) => ("reason" in shard ? undefined : shard.close()))
      .catch(() => undefined) // what was read of it was right
      .finally(() => closing.delete(done));
    if (one.isOpen) closing.add(done);
  };
  const holdOne = (place: ShardPlace): { name: string; one: Held } => {
    const name = nameOf(place);
    const one = held.get(name) ?? open(groups[place.group]!.shards[place.shard]!, inTurn);
    one.holders++;
    held.set(name, one);
    return { name, one };
  };

  return {
    hold(places) {
      const all = isClosed ? [] : places.map(holdOne);
      return () => {
        for (const { name, one } of all.splice(0)) if (!isClosed && --one.holders === 0) close(name, one);
      };
    },
    async get(place) {
      const shard = await held.get(nameOf(place))?.opened;
      if (isClosed || shard === undefined) throw closedError();
      return shard;
    },
    async close() {
      isClosed = true;
      for (const [name, one] of held) close(name, one);
      await Promise.all(closing);
    },
  };
}
