#!/usr/bin/env node
// The trainer's program with the quickstart's commands and drawings.
import { quickstart } from "@clip-ts/quickstart";
import { main } from "@clip-ts/trainer";

await main(process.argv.slice(2), quickstart);
