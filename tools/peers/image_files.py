"""Small image files of every mode and format that Pillow reads, drawn at random from a generator."""

import io
import itertools
import struct
import zlib

import numpy as np
from PIL import Image

ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def picture(random, width, height, channels=3):
    """Soft shapes with a little noise: neighbours are alike, as in photographs, but not equal."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for _ in range(channels):
        a, b, c = random.uniform(0.05, 0.9, 3)
        plane = 127 + 110 * np.sin(a * x + 3 * c) * np.cos(b * y - c)
        planes.append(plane + random.integers(-15, 16, plane.shape))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


# PNG, written by hand: Pillow writes neither all depths nor interlaced files.


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed_rows(samples, depth):
    """The bytes of each row of samples [height, width, channels]."""
    height, width, channels = samples.shape
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in samples]
    if depth == 8:
        return [row.astype(np.uint8).tobytes() for row in samples]
    bits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., -depth:]
    return [np.packbits(row).tobytes() for row in bits.reshape(height, width * channels * depth)]


def filtered(rows, size, random):
    """Each row under a filter drawn at random (PNG, third edition, section 9)."""
    out, above = b"", None
    for row in rows:
        row = np.frombuffer(row, np.uint8).astype(int)
        above = np.zeros_like(row) if above is None else above
        left = np.concatenate([np.zeros(size, int), row])[: len(row)]
        corner = np.concatenate([np.zeros(size, int), above])[: len(row)]
        guess = left + above - corner
        near = np.stack([abs(guess - left), abs(guess - above), abs(guess - corner)])
        paeth = np.choose(np.argmin(near, axis=0), [left, above, corner])
        kind = int(random.integers(5))
        base = [0 * row, left, above, (left + above) // 2, paeth][kind]
        out += bytes([kind]) + ((row - base) % 256).astype(np.uint8).tobytes()
        above = row
    return out


def write_png(samples, depth, kind, random, palette=b"", transparency=b"", interlaced=False):
    height, width, channels = samples.shape
    size = max(1, channels * depth // 8)
    if interlaced:
        parts = [samples[top::down, left::across] for left, top, across, down in ADAM7]
        data = b"".join(filtered(packed_rows(p, depth), size, random) for p in parts if p.size)
    else:
        data = filtered(packed_rows(samples, depth), size, random)
    packed = zlib.compress(data)
    cut = len(packed) // 2
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            png_chunk(b"IHDR", head),
            png_chunk(b"PLTE", palette) if palette else b"",
            png_chunk(b"tRNS", transparency) if transparency else b"",
            png_chunk(b"IDAT", packed[:cut]),
            png_chunk(b"IDAT", packed[cut:]),
            png_chunk(b"IEND", b""),
        ]
    )


def draw_png(random, width, height):
    kind, depth = [
        (0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
        (4, 8), (4, 16), (6, 8), (6, 16),
    ][random.integers(15)]  # fmt: skip
    samples = picture(random, width, height, CHANNELS[kind]).astype(int)
    samples = samples * 257 if depth == 16 else samples >> (8 - depth)
    palette = transparency = b""
    name = f"{kind}-{depth}"
    if depth == 16:
        samples = np.clip(samples + random.integers(-128, 128, samples.shape), 0, 65535)
        if kind == 0 and random.random() < 0.7:
            samples = samples // int(random.integers(64, 400))  # so that not all of it is cut to white
    if kind == 3:
        count = int(random.integers(1, 2**depth)) + 1
        palette = random.integers(0, 256, 3 * count, dtype=np.uint8).tobytes()
        if random.random() < 0.8:
            samples = samples % count
        else:
            name += "-beyond"
    if random.random() < 0.5 and kind in (0, 2, 3):
        name += "-trns"
        if kind == 3:
            transparency = random.integers(0, 256, int(random.integers(1, count + 1)), dtype=np.uint8).tobytes()
            if random.random() < 0.5:
                transparency = b"\xff" * (len(transparency) - 1) + b"\x00"
        else:
            transparency = samples[0, 0].astype(">u2").tobytes()
    interlaced = random.random() < 0.3
    name += "-adam7" if interlaced else ""
    return f"png-{name}.png", write_png(samples, depth, kind, random, palette, transparency, interlaced)


# GIF: frames by Pillow, placed on a canvas by hand.


def draw_gif(random, width, height):
    colors = int(random.integers(2, 257))
    frame = Image.fromarray(picture(random, width, height)).quantize(colors)
    grey = random.random() < 0.2
    if grey:
        frame = Image.fromarray(picture(random, width, height, 1)[..., 0])
    options = {"interlace": int(random.random() < 0.3)}
    name = "grey" if grey else "colors"
    if random.random() < 0.5:
        options["transparency"] = int(random.integers(colors)) if not grey else 7
        name += "-transparent"
    buffer = io.BytesIO()
    animated = random.random() < 0.4
    if animated:
        other = Image.fromarray(picture(random, width, height)).quantize(16)
        options |= {"save_all": True, "append_images": [other], "disposal": int(random.integers(4))}
        name += "-animated"
    frame.save(buffer, "GIF", optimize=False, **options)
    data = bytearray(buffer.getvalue())
    if random.random() < 0.4 and not animated:
        name += "-placed"
        at = data.index(b",\x00\x00\x00\x00" + struct.pack("<HH", width, height))
        left, top = random.integers(0, 9, 2)
        struct.pack_into("<HH", data, at + 1, left, top)
        extra = random.integers(-2, 6, 2)
        size = [max(1, int(a + b + c)) for a, b, c in zip((width, height), (left, top), extra)]
        struct.pack_into("<HH", data, 6, *size)
    return f"gif-{name}.gif", bytes(data)


# What Pillow writes itself.


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def rgba(random, width, height):
    pixels = picture(random, width, height, 4)
    pixels[..., 3] = np.where(pixels[..., 3] > 150, 255, np.where(pixels[..., 3] < 90, 0, pixels[..., 3]))
    return Image.fromarray(pixels)


def draw_webp(random, width, height):
    way = int(random.integers(4))
    image = rgba(random, width, height)
    if way == 0:
        return "webp-rgb.webp", saved(image.convert("RGB"), "WEBP", lossless=bool(random.integers(2)))
    if way == 1:
        return "webp-rgba.webp", saved(image, "WEBP", lossless=True, exact=True)
    if way == 2:
        return "webp-rgba-lossy.webp", saved(image, "WEBP", quality=70)
    other = rgba(random, width, height)
    return "webp-animated.webp", saved(
        image, "WEBP", save_all=True, append_images=[other], lossless=True, exact=True
    )


def draw_apng(random, width, height):
    image = rgba(random, width, height)
    image = image if random.random() < 0.5 else image.convert("RGB").quantize(32)
    other = rgba(random, width, height).convert(image.mode) if image.mode == "RGBA" else image.transpose(1)
    default = bool(random.integers(2))
    return "apng.png", saved(
        image, "PNG", save_all=True, append_images=[other], default_image=default, disposal=int(random.integers(3))
    )


def draw_jpeg(random, width, height):
    mode = ["L", "RGB", "CMYK"][random.integers(3)]
    pixels = picture(random, width, height, {"L": 1, "RGB": 3, "CMYK": 4}[mode])
    image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode)
    options = {"quality": int(random.integers(40, 96)), "progressive": bool(random.integers(2))}
    if mode == "RGB":
        options["subsampling"] = int(random.integers(3))
    return f"jpeg-{mode}.jpg", saved(image, "JPEG", **options)


TIFF_MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"]
TIFF_TURNS = itertools.cycle(TIFF_MODES)


def draw_tiff(random, width, height):
    mode = next(TIFF_TURNS)
    compression = [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"][random.integers(4)]
    if mode == "I;16":
        samples = picture(random, width, height, 1)[..., 0].astype(np.uint16) * int(random.integers(1, 200))
        image = Image.fromarray(samples)
    elif mode in ("I", "F"):
        samples = (picture(random, width, height, 1)[..., 0].astype(np.float32) - 60) * 1.7
        image = Image.fromarray(samples.astype(np.int32) if mode == "I" else samples)
    elif mode == "P":
        image = Image.fromarray(picture(random, width, height)).quantize(int(random.integers(2, 257)))
    elif mode == "LA":
        image = rgba(random, width, height).convert("LA")
    elif mode == "CMYK":
        image = Image.fromarray(picture(random, width, height, 4), "CMYK")
    else:
        image = rgba(random, width, height).convert(mode) if mode == "RGBA" else Image.fromarray(
            picture(random, width, height)
        ).convert(mode)
    name = f"tiff-{mode.replace(';', '')}"
    options = {} if compression is None else {"compression": compression}
    if random.random() < 0.2:
        name += "-turned"
        options["tiffinfo"] = {274: int(random.integers(1, 9))}
    return f"{name}.tif", saved(image, "TIFF", **options)


# BMP and PPM, written by hand.

MASKS = {
    32: [
        (0xFF0000, 0xFF00, 0xFF, 0x0), (0xFF000000, 0xFF0000, 0xFF00, 0x0), (0xFF000000, 0xFF00, 0xFF, 0x0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0),
    ],
    24: [(0xFF0000, 0xFF00, 0xFF)],
    16: [(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)],
}  # fmt: skip


def bmp_runs(indices, narrow, random):
    """Rows as runs, plain stretches and row ends, as encoders write them."""
    out = bytearray()
    for row in indices:
        at = 0
        while at < len(row):
            length = int(min(random.integers(1, 12), len(row) - at))
            part = row[at : at + length]
            if length >= 3 and random.random() < 0.5:
                padded = list(part) + [0] * (length % 2) if narrow else list(part)
                data = bytes(a << 4 | b for a, b in zip(padded[::2], padded[1::2])) if narrow else bytes(padded)
                if narrow and length % 2:  # readers disagree on odd stretches: write an even one
                    length, data = length - 1, data[:-1]
                if length >= 3:
                    out += bytes([0, length]) + data + b"\x00" * (len(data) % 2)
                    at += length
                    continue
            value = int(part[0])
            same = 1
            while same < length and row[at + same] == value:
                same += 1
            out += bytes([same, value << 4 | value if narrow else value])
            at += same
        out += b"\x00\x00"
    return bytes(out + b"\x00\x01")


def draw_bmp(random, width, height):
    bits = [1, 4, 8, 16, 24, 32][random.integers(6)]
    old = random.random() < 0.15 and bits != 16 and bits != 32
    top_down = not old and random.random() < 0.4
    name, masks, coding, palette, count = f"bmp-{bits}", b"", 0, b"", 0
    head = 12 if old else [40, 40, 56, 108, 124][random.integers(5)]
    if bits <= 8:
        count = 2**bits if random.random() < 0.6 else int(random.integers(1, 2**bits)) + 1
        indices = picture(random, width, height, 1)[..., 0].astype(int) * count // 256
        colors = random.integers(0, 256, (count, 3), dtype=np.uint8)
        if random.random() < 0.4 and count in (2, 256):
            grey = np.array([0, 255]) if count == 2 else np.arange(256)
            colors = np.repeat(grey[:, None], 3, 1).astype(np.uint8)
            name += "-grey"
        if old:
            colors = np.concatenate([colors, np.zeros((2**bits - count, 3), np.uint8)])
        palette = b"".join(bytes(c) + (b"" if old else b"\x00") for c in colors)
        runs = bits > 1 and not old and random.random() < 0.4 and not (count == 2 and "grey" in name)
        if runs:
            coding, name = (1, name + "-rle") if bits == 8 else (2, name + "-rle")
            rows = bmp_runs(indices if top_down else indices[::-1], bits == 4, random)
        samples = indices[..., None]
    elif bits == 16:
        samples = None
        raw = random.integers(0, 65536, (height, width)).astype("<u2")
    else:
        samples = picture(random, width, height, bits // 8)
    if bits > 8 and not old and random.random() < 0.6:
        chosen = MASKS[bits][random.integers(len(MASKS[bits]))]
        if head == 40 and len(chosen) == 4 and chosen[3]:
            head = 56
        coding, name = 3, name + "-masks"
        fields = struct.pack("<4I", *(list(chosen) + [0])[:4])
        masks = fields[:12] if head == 40 else fields
        head_masks = b"" if head == 40 else masks
        masks = masks if head == 40 else b""
    else:
        head_masks = b""
    if coding in (0, 3):
        if bits == 16:
            lines = [row.tobytes() for row in raw]
        else:
            lines = packed_rows(samples, min(bits, 8))
        lines = [line + b"\x00" * (-len(line) % 4) for line in (lines if top_down else lines[::-1])]
        rows = b"".join(lines)
    offset = 14 + head + len(masks) + len(palette)
    if old:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        tall = 2**32 - height if top_down else height
        info = struct.pack("<IIIHHIIIIII", head, width, tall, 1, bits, coding, len(rows), 2835, 2835, count, 0)
        info = (info + head_masks).ljust(head, b"\x00")
    name += ("-old" if old else "") + ("-down" if top_down else "")
    body = info + masks + palette + rows
    if random.random() < 0.1 and bits > 8:
        return f"{name}.dib", body
    return f"{name}.bmp", b"BM" + struct.pack("<III", 14 + len(body), 0, offset) + body


def draw_ppm(random, width, height):
    kind = int(random.integers(1, 7))
    channels = 3 if kind in (3, 6) else 1
    comment = b"# by hand\n" if random.random() < 0.5 else b""
    head = b"P%d\n%s%d %d\n" % (kind, comment, width, height)
    values = picture(random, width, height, channels).astype(int)
    if kind in (1, 4):
        bits = (values[..., 0] > 127).astype(np.uint8)
        if kind == 4:
            return "ppm-4.pbm", head + b"".join(np.packbits(row).tobytes() for row in bits)
        return "ppm-1.pbm", head + b"\n".join(b"".join(b"%d" % bit for bit in row) for row in bits)
    largest = [255, 255, int(random.integers(1, 255)), 65535, int(random.integers(256, 65535))][random.integers(5)]
    values = values * largest // 255
    head += b"%d\n" % largest
    name = f"ppm-{kind}-{largest}.{'ppm' if channels == 3 else 'pgm'}"
    if kind > 3:
        return name, head + values.astype(np.uint8 if largest < 256 else ">u2").tobytes()
    return name, head + b"\n".join(b" ".join(b"%d" % v for v in row.ravel()) for row in values) + b"\n"


DRAWERS = [draw_png, draw_png, draw_png, draw_gif, draw_gif, draw_webp, draw_apng, draw_jpeg, draw_tiff, draw_tiff,
           draw_bmp, draw_bmp, draw_ppm]  # fmt: skip
