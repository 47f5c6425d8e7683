"""Pairs of tars made ready as open_clip's training script does it: Pillow and torchvision, and a loader.

    python data_side.py transform|loader

`loader` reads as webdataset does: tars one after another, a buffer that shuffles, images decoded and
captions tokenised in the workers of a DataLoader. See open_clip_side.py for how it is asked.
"""

import glob
import io
import multiprocessing
import os
import random
import tarfile
import time

import open_clip_side  # before torchvision: it makes up for parts that were not compiled
import open_clip
import PIL
import torch
from open_clip.transform import AugmentationCfg, image_transform
from PIL import Image

VERSION = f"{open_clip_side.VERSION}, Pillow {PIL.__version__}"


def samples_of(paths):
    """Files that share their name up to the first dot, in the order of the tars."""
    for path in paths:
        with tarfile.open(path, "r|") as tar:
            key, files = None, {}
            for entry in tar:
                name, _, ending = entry.name.partition(".")
                if name != key and files:
                    yield files
                    files = {}
                key = name
                files[ending] = tar.extractfile(entry).read()
            if files:
                yield files


def transform_for(options):
    return image_transform(
        options["size"],
        is_train=True,
        mean=open_clip.OPENAI_DATASET_MEAN,
        std=open_clip.OPENAI_DATASET_STD,
        aug_cfg=AugmentationCfg(scale=tuple(options["scale"])),
    )


def first_samples(options, count):
    taken = []
    for files in samples_of(sorted(glob.glob(options["pattern"]))):
        taken.append(files)
        if len(taken) == count:
            break
    return taken


WORK = {}


def work_on(part, rows):
    """In one process: the share of a part's work, and the processor time that it took."""
    used = time.process_time()
    if part == "decode":
        for data in WORK["images"][rows]:
            Image.open(io.BytesIO(data)).convert("RGB").load()
    elif part == "crop":
        for data in WORK["images"][rows]:
            WORK["transform"](Image.open(io.BytesIO(data)))
    else:
        WORK["tokenizer"](WORK["captions"][rows])
    return 1000 * (time.process_time() - used)


def transform(options):
    torch.set_num_threads(1)
    taken = first_samples(options, max(options["count"], options["readCount"]))
    WORK["images"] = [files["jpg"] for files in taken[: options["count"]]]
    WORK["captions"] = [files["txt"].decode() for files in taken]
    WORK["transform"] = transform_for(options)
    WORK["tokenizer"] = open_clip.SimpleTokenizer()
    pools = {}

    def run(request):
        part, processes = request["part"], request["threads"]
        if processes == 1:
            return {"cpuMilliseconds": work_on(part, slice(None))}
        if processes not in pools:
            pools[processes] = multiprocessing.get_context("fork").Pool(processes)
        started = time.perf_counter()
        shares = [(part, slice(start, None, 4 * processes)) for start in range(4 * processes)]
        used = pools[processes].starmap(work_on, shares, chunksize=1)
        return {"milliseconds": 1000 * (time.perf_counter() - started), "cpuMilliseconds": sum(used)}

    return {"version": VERSION}, run, lambda _, __: None


class Pairs(torch.utils.data.IterableDataset):
    def __init__(self, options):
        self.paths = sorted(glob.glob(options["pattern"]))
        self.transform = transform_for(options)
        self.tokenizer = open_clip.SimpleTokenizer()

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        torch.set_num_threads(1)
        own = self.paths[info.id :: info.num_workers] or self.paths
        draw = random.Random(info.id)
        buffer = []
        while True:
            draw.shuffle(own)
            for files in samples_of(own):
                buffer.append(files)
                if len(buffer) < 500:  # open_clip keeps 5,000; a run this short would be their reading alone
                    continue
                at = draw.randrange(len(buffer))
                buffer[at], buffer[-1] = buffer[-1], buffer[at]
                files = buffer.pop()
                image = self.transform(Image.open(io.BytesIO(files["jpg"])))
                yield image, self.tokenizer([files["txt"].decode()])[0]


def used_by(pid):
    fields = open(f"/proc/{pid}/stat").read().split(") ")[-1].split(" ")
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def loader(options):
    torch.set_num_threads(1)
    pairs = Pairs(options)

    def run(request):
        workers = request["threads"]
        batches = iter(
            torch.utils.data.DataLoader(
                pairs, batch_size=64, num_workers=workers, multiprocessing_context="fork", prefetch_factor=2
            )
        )
        for _ in range(workers):  # each has started and filled its buffer
            next(batches)
        processes = [os.getpid(), *(worker.pid for worker in batches._workers)]
        started, used = time.perf_counter(), sum(map(used_by, processes))
        for _ in range(0, options["streamCount"], 64):
            next(batches)
        took = 1000 * (time.perf_counter() - started)
        used = sum(map(used_by, processes)) - used
        del batches
        return {"milliseconds": took, "cpuMilliseconds": used}

    return {"version": VERSION, "detail": "tarfile, a buffer of 500, DataLoader"}, run, lambda _, __: None


if __name__ == "__main__":
    open_clip_side.serve({"transform": transform, "loader": loader})
