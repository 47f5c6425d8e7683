import { imageExtensions } from "@clip-ts/image";
import { writableKey } from "../shards/write-tar.ts";

/** The name of a shard, or of the folder whose part it is, in front of a key. */
function prefixOf(key: string, shard: string): string {
  const slash = shard.lastIndexOf("/");
  const prefixes = [`${shard}/`, ...(slash > 0 ? [shard.slice(0, slash + 1)] : [])];
  return prefixes.find((start) => key.startsWith(start)) ?? "";
}

/** The key of a sample without its shard's name and the ending of an image: `000170042` of `00017/000170042`. */
export function ownKey(key: string, shard: string): string {
  const own = key.slice(prefixOf(key, shard).length);
  const ending = imageExtensions.find((extension) => own.toLowerCase().endsWith(extension));
  return (ending === undefined ? own : own.slice(0, -ending.length)) || key;
}

/** Makes keys that tars can hold, unique in a shard: a second `cat` is `cat_2`. */
export function createKeys(): (key: string) => { readonly key: string; readonly isRenamed: boolean } {
  const taken = new Set<string>();
  return (key) => {
    const wanted = writableKey(key);
    let [name, number] = [wanted, 1];
    while (taken.has(name)) name = `${wanted}_${++number}`;
    taken.add(name);
    return { key: name, isRenamed: name !== key };
  };
}
