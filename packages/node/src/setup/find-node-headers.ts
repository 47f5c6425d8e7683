import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { ClipError } from "@clip-ts/base";

/** Where Node's headers may lie, best first. Node-API is stable, so those of any version do. */
function candidates(environment: NodeJS.ProcessEnv): string[] {
  const { npm_config_nodedir: given, XDG_CACHE_HOME: cache = join(homedir(), ".cache") } =
    environment;
  return [
    ...(given === undefined ? [] : [join(given, "include", "node")]),
    join(dirname(dirname(process.execPath)), "include", "node"),
    join(cache, "node-gyp", process.versions.node, "include", "node"),
    "/usr/include/node",
    "/usr/local/include/node",
  ];
}

/** The folder with `node_api.h`. @throws ClipError "not-found" with what to install. */
export function findNodeHeaders(environment: NodeJS.ProcessEnv = process.env): string {
  const places = candidates(environment);
  const found = places.find((folder) => existsSync(join(folder, "node_api.h")));
  if (found !== undefined) return found;
  throw new ClipError(
    "not-found",
    `Node's headers (node_api.h) are in none of ${places.join(", ")}. Install them: ` +
      "npx node-gyp install, or the system's package (Debian, Ubuntu: apt install libnode-dev), or set " +
      "npm_config_nodedir to where Node was unpacked.",
    { data: { places } },
  );
}
