// Prints what shards cost: opening a set of 1,000, finding the rows of a table, reading samples of a tar.
//
//     node bench/check-shards.mjs [start | table | read]
//
// Needs `pnpm build`; 600 MB in the folder for temporary files. Each part is a process of its own; figures of memory
// are the most that it ever held, beside those of one that only loads the packages.
import { spawnSync } from "node:child_process";
import {
  createReadStream,
  mkdtempSync,
  openSync,
  closeSync,
  ftruncateSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { indexTar, readTarIndex, scanTable, tarSample, writeTarIndex } from "../packages/data/dist/index.js";
import { openFile, writeFileWhole } from "../packages/files/dist/index.js";
import { localStore, openShardSet, writeTar } from "../packages/node/dist/index.js";

const { extract } = createRequire(new URL("../packages/node/package.json", import.meta.url))("tar-stream");

/** MiB that the process held at most. */
const peak = () => (process.resourceUsage().maxRSS / 1024).toFixed(0);

/** A part in a process of its own. */
function runPart(name, folder) {
  spawnSync(process.execPath, [fileURLToPath(import.meta.url), name, folder], { stdio: "inherit" });
}

/** Runs a part, and says how long it took and the most memory that the process held. */
async function timed(label, work) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const said = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  const { user, system } = process.cpuUsage(cpu);
  console.log(`${label}: ${seconds} s, ${((user + system) / 1e6).toFixed(2)} cpu-s, peak ${peak()} MiB; ${said}`);
  return (user + system) / 1e6;
}

/** A shard of samples with images of so many bytes each. */
async function writeShard(path, samples, bytes) {
  const content = new Uint8Array(bytes).fill(7);
  const all = function* () {
    for (let at = 0; at < samples; at++) {
      const key = String(at).padStart(9, "0");
      yield { key, files: { jpg: content, txt: `caption ${at}`, json: `{"caption": "caption ${at}"}` } };
    }
  };
  await writeFileWhole(path, writeTar(all()));
}

async function indexed(path) {
  const file = await openFile(path);
  const { size: bytes, mtime } = statSync(path);
  const index = await indexTar(file, path, { bytes, version: mtime.toISOString() });
  await file.close();
  return index;
}

const parts = {
  async bare() {
    await timed("packages loaded", async () => "nothing read");
  },
  async start(folder) {
    // shards are holes of the right size: only their indexes count
    const model = join(folder, "model.tar");
    await writeShard(model, 10_000, 100);
    const index = await indexed(model);
    for (let at = 0; at < 1000; at++) {
      const path = join(folder, `${String(at).padStart(5, "0")}.tar`);
      const descriptor = openSync(path, "w");
      ftruncateSync(descriptor, index.facts.bytes);
      closeSync(descriptor);
      const facts = { bytes: index.facts.bytes, version: statSync(path).mtime.toISOString() };
      writeFileSync(path.replace(".tar", ".idx"), writeTarIndex({ ...index, facts }));
    }
    rmSync(model);
    runPart("open", folder);
  },
  async open(folder) {
    const start = performance.now();
    const path = `${folder}/{00000..00999}.tar`;
    const { groups } = await openShardSet({ kind: "webdataset", store: localStore, path });
    const seconds = ((performance.now() - start) / 1000).toFixed(2);
    const shards = groups.flatMap((group) => group.shards);
    const samples = shards.reduce((sum, shard) => sum + shard.samples, 0);
    const opened = await Promise.all(shards.slice(0, 16).map((shard) => shard.open()));
    const { key } = await opened[15].sample(9999);
    console.log(
      `set of ${shards.length} shards, ${samples} samples: ${seconds} s, peak ${peak()} MiB with 16 open; ${key}`,
    );
  },
  async table(folder) {
    const path = join(folder, "pairs.csv");
    const rows = Array.from(
      { length: 500_000 },
      (_, at) => `images/${String(at).padStart(9, "0")}.jpg,"thing number ${at}, outside in the sun"\n`,
    );
    writeFileSync(path, `image,caption\n${rows.join("")}`);
    runPart("scan", folder);
  },
  async scan(folder) {
    const bare = peak();
    const file = await openFile(join(folder, "pairs.csv"));
    await timed("table", async () => {
      const { rows } = await scanTable(file, "pairs.csv", { format: "csv" });
      return `${rows} rows of ${(file.size / 1e6).toFixed(0)} MB; bare ${bare} MiB`;
    });
    await file.close();
  },
  async read(folder) {
    const path = join(folder, "0.tar");
    await writeShard(path, 3000, 38_000);
    const megabytes = statSync(path).size / 1e6;
    const rate = (/** @type {number} */ cpu) => `${(megabytes / cpu).toFixed(0)} MB a cpu-s`;
    let index;
    for (let round = 0; round < 3; round++) {
      const making = await timed("index", async () => {
        index = await indexed(path);
        return `${index.samples} samples, ${(writeTarIndex(index).byteLength / 1e3).toFixed(0)} kB`;
      });
      const file = openSync(path, "r");
      let bytes = 0;
      // as a worker thread reads, which may wait
      const reading = await timed("samples by index, in any order", async () => {
        const kept = readTarIndex(writeTarIndex(index));
        for (let at = 0; at < kept.samples; at++) {
          const { image, texts } = tarSample({ name: "0", path, index: kept }, (at * 7919) % kept.samples);
          for (const { offset, length } of [image, ...texts.files.map(({ place }) => place)])
            bytes += readSync(file, new Uint8Array(length), 0, length, offset);
        }
        return `${(bytes / 1e6).toFixed(0)} MB`;
      });
      closeSync(file);
      const streaming = await timed("tar-stream, in order", async () => {
        const tar = extract();
        let bytes = 0;
        createReadStream(path).pipe(tar);
        for await (const entry of tar) for await (const chunk of entry) bytes += chunk.byteLength;
        return `${(bytes / 1e6).toFixed(0)} MB`;
      });
      console.log(`index ${rate(making)}, samples ${rate(reading)}, tar-stream ${rate(streaming)}`);
    }
  },
};

const [, , asked, place] = process.argv;
if (place !== undefined) await parts[asked](place);
else {
  const folder = mkdtempSync(join(tmpdir(), "clip-ts-bench-"));
  try {
    const names = asked === undefined ? ["bare", "start", "table", "read"] : ["bare", asked];
    for (const name of names) runPart(name, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
