import { createRequire } from "node:module";

/** Version of clip-ts, as its package says. */
export function programVersion(): string {
  const manifest = createRequire(import.meta.url)("../../package.json") as { version: string };
  return manifest.version;
}
