"""Small shards as img2dataset, datasets and pandas write them, and what they hold, for packages/data/src/fixtures.

    /opt/peers/bin/python tools/peers/make_shard_fixtures.py

Needs pyarrow and Pillow. Tars are written by tarfile, as webdataset's TarWriter does.
"""

import io
import json
import pathlib
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parents[2] / "packages/data/src/fixtures/shards"


def picture(number, form="JPEG"):
    image = Image.new("RGB", (8, 8), (number * 29 % 256, number * 53 % 256, number * 97 % 256))
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def add(tar, name, data, **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data))


def captions(number):
    return ["a red square", "zwei blaue Kreise – süß", "\u65e5\u672c\u8a9e", 'she said "hi",\nthen left'][number % 4]


def tars():
    told = {}
    # as img2dataset: key.jpg, key.txt, key.json
    with tarfile.open(HERE / "00000.tar", "w") as tar:
        rows = []
        for number in range(12):
            key = f"{number:09d}"
            add(tar, f"{key}.jpg", picture(number))
            add(tar, f"{key}.txt", captions(number).encode())
            facts = {"caption": captions(number), "url": f"https://x.test/{number}.jpg", "key": key, "width": 8, "status": "success", "error_message": None}
            add(tar, f"{key}.json", json.dumps(facts, indent=4).encode())
            rows.append({"key": key, "texts": {"txt": captions(number), "json.caption": captions(number), "json.url": facts["url"], "json.key": key, "json.status": "success"}, "image": len(picture(number))})
        told["00000.tar"] = rows
    (HERE / "00000_stats.json").write_text(json.dumps({"count": 13, "successes": 12, "failed_to_download": 1}, indent=4))

    # names of every kind, files that are no samples, sides that are missing or odd
    long = "very/" * 40 + "deep"
    with tarfile.open(HERE / "odd.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "fo.lder/Größe 東京.JPG", picture(1))
        add(tar, "fo.lder/Größe 東京.txt", "ein Bild".encode())
        add(tar, f"{long}.png", picture(2, "PNG"))
        add(tar, f"{long}.fr.txt", "une image".encode())
        add(tar, "masked.jpg", picture(3))
        add(tar, "masked.mask.png", picture(4, "PNG"))
        add(tar, "masked.json", b'{"caption": "a NUL \\u0000 and half \\ud83d a pair", "n": 3}')
        add(tar, "bare.webp", picture(5, "WEBP"))
        add(tar, "broken.jpg", picture(6))
        add(tar, "broken.json", b"{no json")
        add(tar, "textonly.txt", b"no image here")
        add(tar, "../evil.jpg", picture(7))
        add(tar, "/absolute.jpg", picture(7))
        add(tar, "README", b"nothing")
        add(tar, ".hidden.jpg", picture(7))
        add(tar, "link.jpg", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(tar, "device.jpg", b"", type=tarfile.CHRTYPE)
        add(tar, "masked.txt", b"too late")
        add(tar, "__meta__/x.txt", b"webdataset's own")
        add(tar, "last.jpg", picture(8))
        add(tar, "last.jpg", picture(9))
        add(tar, "last.txt", b"latin \xe9")
    with tarfile.open(HERE / "gnu.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        add(tar, f"{long}.jpg", picture(1))
        add(tar, f"{long}.txt", b"long in GNU's way")
        add(tar, "ü.jpg", picture(2))
        add(tar, "ü.txt", "kurz".encode())
    for name in ("odd.tar", "gnu.tar"):
        with tarfile.open(HERE / name) as tar:
            told[name] = [{"name": m.name, "offset": m.offset_data, "size": m.size, "file": m.isfile()} for m in tar]
    return told


def parquets():
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    told = {}
    for codec in ("snappy", "zstd", "none", "gzip", "brotli", "lz4"):
        rows = [{"image": {"bytes": picture(n), "path": f"{n}.jpg"}, "text": captions(n), "n": n} for n in range(10)]
        rows[3]["image"] = {"bytes": rows[2]["image"]["bytes"], "path": None}  # so that the dictionary counts
        rows[4]["image"] = None
        rows[5]["text"] = None
        table = pa.Table.from_pylist(rows, schema=pa.schema([("image", kind), ("text", pa.string()), ("n", pa.int64())]))
        pq.write_table(table, HERE / f"{codec}.parquet", compression=codec, row_group_size=4, data_page_size=1500)
        told[f"{codec}.parquet"] = [{"text": r["text"], "image": r["image"] and r["image"]["bytes"].hex()} for r in rows]
    lists = pa.table({
        "jpg": pa.array([picture(n) for n in range(5)], pa.binary()),
        "captions": pa.array([["one", "two"], [], None, ["three"], ["four", None]], pa.list_(pa.string())),
        "TEXT": pa.array(["a", "b", "c", "d", "e"], pa.large_string()),
    })
    pq.write_table(lists, HERE / "lists.parquet", row_group_size=3, use_dictionary=False, data_page_version="2.0")
    paths = pa.table({"image_path": ["a.jpg", "sub/b.jpg", ""], "caption": ["A", "B", "C"]})
    pq.write_table(paths, HERE / "paths.parquet")
    large = pa.table({"image": pa.array([bytes(2**20)] * 1100, pa.binary())})
    pq.write_table(large, HERE / "large.parquet", compression="zstd", row_group_size=1100, use_dictionary=False, write_statistics=False, data_page_size=2**28)
    (HERE / "a.jpg").write_bytes(picture(1))
    return told


def mds():
    """A shard as streaming 0.11's MDSWriter lays it out (streaming/base/format/mds/writer.py), index.json beside it."""
    names, encodings, sizes = ["caption", "id", "image", "info"], ["str", "int", "jpeg", "json"], [None, 8, None, None]
    config = json.dumps({"column_encodings": encodings, "column_names": names, "column_sizes": sizes, "compression": None, "format": "mds", "hashes": [], "size_limit": 67108864}, sort_keys=True).encode()
    samples = []
    for number in range(5):
        values = [captions(number).encode(), number.to_bytes(8, "little"), picture(number), json.dumps({"alt": f"alt {number}"}).encode()]
        sizes_of = b"".join(len(value).to_bytes(4, "little") for value, size in zip(values, sizes) if size is None)
        samples.append(sizes_of + b"".join(values))
    offsets, at = [], 4 + 4 * (len(samples) + 1) + len(config)
    for sample in samples + [b""]:
        offsets.append(at)
        at += len(sample)
    head = len(samples).to_bytes(4, "little") + b"".join(offset.to_bytes(4, "little") for offset in offsets)
    data = head + config + b"".join(samples)
    folder = HERE / "mds"
    folder.mkdir(exist_ok=True)
    (folder / "shard.00000.mds").write_bytes(data)
    raw = {"basename": "shard.00000.mds", "bytes": len(data), "hashes": {}}
    shard = {**json.loads(config), "raw_data": raw, "samples": len(samples), "version": 2, "zip_data": None}
    (folder / "index.json").write_text(json.dumps({"shards": [shard], "version": 2}))
    return [{"caption": captions(number), "image": picture(number).hex()} for number in range(5)]


HERE.mkdir(parents=True, exist_ok=True)
held = {"tars": tars(), "parquets": parquets(), "mds": mds()}
(HERE / "shards.json").write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n")
