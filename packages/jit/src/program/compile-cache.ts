import type { CompiledFunction } from "./target.ts";

/** Compiled functions by key. */
export interface CompileCache {
  /** The function of this key, compiled on first use. */
  get(key: string, compile: () => Promise<CompiledFunction>): Promise<CompiledFunction>;
  dispose(): Promise<void>;
}

/** Keeps at most `limit` functions: those used last. */
export function createCompileCache(limit: number): CompileCache {
  const kept = new Map<string, CompiledFunction>();
  return {
    async get(key, compile) {
      let compiled = kept.get(key);
      if (compiled === undefined && kept.size >= limit) {
        const [oldest, unused] = [...kept][0] as [string, CompiledFunction];
        kept.delete(oldest);
        await unused.dispose();
      }
      compiled ??= await compile();
      kept.delete(key);
      kept.set(key, compiled);
      return compiled;
    },
    async dispose() {
      const all = [...kept.values()];
      kept.clear();
      for (const compiled of all) await compiled.dispose();
    },
  };
}
