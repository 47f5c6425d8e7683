import { defaultClientConditions, defineConfig } from "vite";
import { localFiles } from "./src/server.ts";

/** With these headers a page is isolated from others and may share memory, so that engines have threads. */
const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

export default defineConfig({
  plugins: [localFiles()],
  // The page is made from the sources of the workspace's packages, built or not.
  resolve: { conditions: ["@clip-ts/source", ...defaultClientConditions] },
  // Without it, what the worker imports is found only when it runs, too late for its first start.
  optimizeDeps: { entries: ["index.html", "src/clip-worker.ts"] },
  server: { headers },
  preview: { headers },
  worker: { format: "es" },
  build: { target: "es2023", chunkSizeWarningLimit: 1000 },
});
