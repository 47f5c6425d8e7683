#!/usr/bin/env node
// Pictures are decoded on libuv's threads, four by default. A module is too late to ask for more: Node reads modules on them.
const { availableParallelism } = require("node:os");

process.env["UV_THREADPOOL_SIZE"] ??= String(availableParallelism() + 8);
void import("./clip-ts.js");
