#!/usr/bin/env node
// The program of @clip-ts/trainer, as that package starts it.
await import(new URL("bin/clip-ts.js", import.meta.resolve("@clip-ts/trainer/package.json")).href);
