// @ts-check
// A registry on this machine that has the packed packages, and sends whoever asks for another one on to
// another registry, if there is one.
import { createReadStream, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { basename } from "node:path";

/** Long enough ago for package managers that wait before they trust a new version. */
const published = "2020-01-01T00:00:00.000Z";

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {Record<string, string>} [bin]
 * @property {Record<string, unknown>} [exports]
 * @typedef {{ readonly manifest: Manifest, readonly tarball: string }} Packed
 */

/**
 * What npm asks a registry about a package.
 * @param {Packed} packed
 * @param {string} address
 */
function describe({ manifest, tarball }, address) {
  const bytes = readFileSync(tarball);
  const dist = {
    tarball: `${address}tarballs/${basename(tarball)}`,
    integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
    shasum: createHash("sha1").update(bytes).digest("hex"),
  };
  const { name, version } = manifest;
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist } },
    time: { created: published, modified: published, [version]: published },
  };
}

/**
 * Serves packed packages until it is closed.
 * @param {readonly Packed[]} packages
 * @param {string} [upstream] address of the registry for all others, with a slash at its end; without one
 *   there are no others
 * @returns {Promise<{ readonly address: string, close(): void }>}
 */
export async function startRegistry(packages, upstream) {
  const byName = new Map(packages.map((packed) => [packed.manifest.name, packed]));
  const byFile = new Map(packages.map((packed) => [basename(packed.tarball), packed]));
  let address = "";
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").slice(1);
    const name = decodeURIComponent(path.split("?")[0] ?? "");
    const packed = byName.get(name);
    const file = byFile.get(name.replace(/^tarballs\//u, ""));
    if (packed !== undefined) {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(describe(packed, address)));
    } else if (file !== undefined) {
      response.setHeader("content-type", "application/octet-stream");
      createReadStream(file.tarball).pipe(response);
    } else if (upstream === undefined) {
      response.writeHead(404).end("{}");
    } else {
      response.writeHead(302, { location: `${upstream}${path}` }).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("The registry has no port.");
  address = `http://127.0.0.1:${bound.port}/`;
  return {
    address,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
