import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** How the hub is reached and where its files are kept. */
export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** Folder of the cache that Hugging Face's own tools share. */
  readonly cache: string;
  readonly token?: string;
  /** Nothing is asked of the network. */
  readonly isOffline: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const isOn = (value: string | undefined): boolean => /^(1|on|yes|true)$/iu.test(value ?? "");

function savedToken(home: string): string | undefined {
  const path = join(home, "token");
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

/**
 * Settings from the environment variables that Hugging Face's own tools read: HF_ENDPOINT, HF_HOME,
 * HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN.
 */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const home =
    environment["HF_HOME"] ??
    join(environment["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "huggingface");
  const token = environment["HF_TOKEN"] ?? savedToken(home);
  return {
    endpoint: (environment["HF_ENDPOINT"] ?? "https://huggingface.co").replace(/\/+$/u, ""),
    cache: environment["HF_HUB_CACHE"] ?? join(home, "hub"),
    isOffline: isOn(environment["HF_HUB_OFFLINE"]),
    ...(token === undefined || token === "" ? {} : { token }),
  };
}
