/** What holds memory of a runtime's. */
interface Disposable {
  dispose(): Promise<void>;
}

/** What is compiled, by key. */
export interface CompileCache<Compiled extends Disposable> {
  /** What belongs to this key, compiled on first use. */
  get(key: string, compile: () => Promise<Compiled>): Promise<Compiled>;
  dispose(): Promise<void>;
}

/** Keeps at most `limit` of them: those used last. */
export function createCompileCache<Compiled extends Disposable>(
  limit: number,
): CompileCache<Compiled> {
  const kept = new Map<string, Compiled>();
  return {
    async get(key, compile) {
      let compiled = kept.get(key);
      if (compiled === undefined && kept.size >= limit) {
        const [oldest, unused] = [...kept][0] as [string, Compiled];
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
