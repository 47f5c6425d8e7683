"""Checks that clip-ts and huggingface_hub share one cache: its files, its offline mode and its locks.

    python tools/peers/check_hub.py

A hub on this machine serves one model to both. Nothing else is asked of the network. Prints one line a
check, and exits with 1 if one fails. Needs `pnpm build`.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

HUB = """
import { startLocalHub } from "./packages/test-utils/dist/index.js";
const hub = await startLocalHub();
const weights = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251);
const config = new TextEncoder().encode('{"model_type":"clip"}');
hub.repositories.set("owner/name", { files: new Map([["config.json", config], ["model.safetensors", weights]]) });
const { sha } = await (await fetch(`${hub.endpoint}/api/models/owner/name/revision/main`)).json();
hub.intercept = (request, response) => {
  console.error(request.method, request.url);
  const [, etag] = /^[/]store[/](.*)$/.exec(request.url) ?? [];
  if (request.method !== "HEAD" || etag === undefined) return false;
  // Python follows redirects that stay on the hub, and asks there
  response.writeHead(200, { etag: `"${etag}"`, "x-repo-commit": sha, "content-length": weights.length }).end();
  return true;
};
console.log(hub.endpoint);
"""

DOWNLOAD = """
import { downloadModel, hubSettings } from "./packages/hub/dist/index.js";
const onNotice = (line) => console.error(line);
console.log(await downloadModel("hf:owner/name", { settings: hubSettings(), onNotice }));
"""

HOLD = """
import { withFileLock } from "./packages/files/dist/file-lock.js";
const wait = { patience: 5000, signOfLife: async () => 0 };
await withFileLock(process.argv[1], wait, async (isLocked) => {
  console.log(isLocked ? "locked" : "without a lock");
  await new Promise((resolve) => process.stdin.once("data", resolve));
});
process.exit();
"""


def node(script, *words, **environment):
    """Starts a script in the repository."""
    return subprocess.Popen(
        ["node", "--input-type=module", "-e", script, *words],
        cwd=REPOSITORY, text=True, env={**os.environ, **environment},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def download(**environment):
    """The folder that clip-ts gives, and what it says meanwhile."""
    folder, said = node(DOWNLOAD, **environment).communicate(timeout=120)
    return folder.strip(), said.strip()


def main():
    hub = node(HUB)
    endpoint = hub.stdout.readline().strip()
    asked = []
    threading.Thread(target=lambda: asked.extend(iter(hub.stderr.readline, "")), daemon=True).start()
    os.environ.update(HF_ENDPOINT=endpoint, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1")
    from filelock import FileLock, Timeout
    from huggingface_hub import hf_hub_download, scan_cache_dir, try_to_load_from_cache

    failures = 0

    def report(what, is_right):
        nonlocal failures
        failures += not is_right
        print(f"{'ok  ' if is_right else 'FAIL'} {what}", flush=True)

    names = ["config.json", "model.safetensors"]
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        folder, _ = download(HF_HUB_CACHE=ours)
        found = [try_to_load_from_cache("owner/name", name, cache_dir=ours) for name in names]
        report("huggingface_hub finds what clip-ts fetched", found == [f"{folder}/{name}" for name in names])
        path = hf_hub_download("owner/name", names[1], cache_dir=ours, local_files_only=True)
        report("and reads it offline", Path(path).read_bytes() == bytes(i * 31 % 251 for i in range(300_000)))
        info = scan_cache_dir(ours)
        refs = [sorted(revision.refs) for repo in info.repos for revision in repo.revisions]
        report("its scan of the cache has nothing to warn of", not info.warnings and refs == [["main"]])

        for name in names:
            path = hf_hub_download("owner/name", name, cache_dir=theirs)
        etag = Path(os.path.realpath(path)).name
        before = len(asked)
        folder, _ = download(HF_HUB_CACHE=theirs, HF_HUB_OFFLINE="1")
        report("clip-ts opens offline what huggingface_hub fetched", folder == str(Path(path).parent))
        download(HF_HUB_CACHE=theirs)
        stored = [line for line in asked[before:] if "/store/" in line or "/resolve/" in line]
        report("and fetches none of it again", stored == [])

    with tempfile.TemporaryDirectory() as cache:
        lock = Path(cache, ".locks", "models--owner--name", f"{etag}.lock")
        lock.parent.mkdir(parents=True)
        with FileLock(lock):
            child = node(DOWNLOAD, HF_HUB_CACHE=cache)
            said = child.stderr.readline()
            report("clip-ts waits for a lock that huggingface_hub's way holds", "waiting for it" in said)
            time.sleep(1)
            report("as long as it is held", child.poll() is None)
        folder, _ = child.communicate(timeout=60)
        report("and fetches after that", Path(folder.strip(), names[1]).is_file())

        child = node(HOLD, str(lock))
        report("clip-ts takes the same lock", child.stdout.readline().strip() == "locked")
        try:
            FileLock(lock, timeout=0.5).acquire()
            report("which huggingface_hub's way then waits for", False)
        except Timeout:
            report("which huggingface_hub's way then waits for", True)
        child.kill()
        child.wait()
        with FileLock(lock, timeout=5):
            report("until clip-ts is killed", True)
    hub.kill()
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
