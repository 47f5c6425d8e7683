import { defaultClientConditions, defineConfig } from "vite";
import { localFiles } from "./src/server/local-files.ts";

export default defineConfig({
  plugins: [localFiles()],
  // The page is made from the sources of the workspace's packages, built or not.
  resolve: { conditions: ["@clip-ts/source", ...defaultClientConditions] },
  // Without it, what the worker imports is found only when it runs, too late for its first start.
  optimizeDeps: { entries: ["index.html", "src/worker/clip-worker.ts"] },
  worker: { format: "es" },
  build: { target: "es2023", chunkSizeWarningLimit: 1000 },
});
