import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Whether there is a browser to test in; says so if there is none. */
export function hasChromium(): boolean {
  if (existsSync(executablePath)) return true;
  console.warn(
    `SKIPPED: the demo's browser tests need Chromium, and ${executablePath} does not exist. ` +
      'Install it (Debian: "apt-get install chromium") or set CHROMIUM_PATH.',
  );
  return false;
}

/** Starts a headless Chromium that stays off the network. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
