"""A made corpus of mixed scripts, on which tokenizers are trained, and hard strings on which they are asked.

Nothing is downloaded: words of every script are drawn from Python's Unicode tables, European ones from the
vocabularies of CLIP and RoBERTa where those are given.
"""

import json
import random
import unicodedata
from functools import lru_cache
from pathlib import Path

SCRIPTS = [
    "GREEK", "CYRILLIC", "HEBREW", "ARABIC", "DEVANAGARI", "BENGALI", "TAMIL", "TELUGU", "THAI", "HANGUL", "HIRAGANA",
    "KATAKANA", "CJK", "GEORGIAN", "ARMENIAN", "ETHIOPIC", "KHMER", "MYANMAR", "TIBETAN", "SINHALA", "GUJARATI",
    "GURMUKHI", "MALAYALAM", "KANNADA", "LAO", "CHEROKEE", "MONGOLIAN", "LATIN",
]

SPECIALS = [
    "<s>", "</s>", "<pad>", "<unk>", "<mask>", "<bos>", "<eos>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "eng_Latn",
    "deu_Latn", "<extra_id_0>", "<extra_id_99>", "<|endoftext|>", "<|startoftext|>", "<ship>", "▁", "##a", "<0x41>", "</S>", "[cls]",
]

ODD = [
    "’", "“ ”", "…", "&amp;", "&lt;b&gt;", "&#39;", "&nbsp;", "foo_bar", "__", "ﬁ", "ﬃ", "Ｆｕｌｌ", "　", "\u00a0", "\u00ad", "\u200b",
    "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202e", "\u2028", "\u2029", "\u2060", "\ufeff", "\u0085", "\t", "\n", "\r\n",
    "\x00", "\x01", "\x1b", "\x1c", "\x1f", "\x7f", "\x9f", "\ufffd", "sÃ³", "cafÃ©", "e\u0301", "\u0301", "q\u0307\u0323", "Å", "Ω", "ſ", "İ",
    "ẞ", "ς", "Σ", "ΟΔΟΣ", "ΑΣ ", "ﬀ", "½", "²", "①", "Ⅷ", "٣", "१२", "１２３", "3.14", "1,000", "№", "™", "℃", "$5", "€", "@user", "#tag",
    "http://a.b/c?d=e", "...", "!!!", "?!", "--", "—", "‒", "a/b\\c|d", "it's", "DON'T", "we're", "o'clock", "t-shirt", "U.S.", "か\u3099", "ﾊﾝｶｸ", "ｶﾞ",
    "한\u0300", "각", "각", "\u0e33", "\u0eb3", "👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "❤️", "🥰", "🫠", "1️⃣", "𝓐𝓑", "𝟙", "\U00020000", "\U0002f800", "\ue000", "\U000e0041",
    "\u0345", "\u1e9b\u0323", "\ufdfa", "\u3131", "\u2f00", "\u2e80", "\uff61", "\u2581", "\u2582", "・", "。", "，", "！", "«", "»", "¿", "¡", "`", "´", "^", "~",
]


@lru_cache
def letters(script):
    """Base letters of a script, and the marks that stand on them."""
    base, marks = [], []
    for code in range(0x80, 0x30000):
        character = chr(code)
        name = unicodedata.name(character, "")
        if not name.startswith(script + " "):
            continue
        category = unicodedata.category(character)
        if category.startswith("L"):
            base.append(character)
        elif category.startswith("M"):
            marks.append(character)
    limit = 1500 if script in ("CJK", "HANGUL") else 60
    return base[:limit], marks[:12]


def make_words(script, count, random):
    """Words of a script: a few hundred syllables, the first ones often."""
    base, marks = letters(script)
    syllables = []
    for _ in range(300):
        text = random.choice(base)
        if marks and random.random() < 0.4:
            text += random.choice(marks)
        if random.random() < 0.5 and script != "CJK":
            text += random.choice(base)
        syllables.append(text)
    pick = lambda: syllables[min(int(random.expovariate(1 / 60)), 299)]
    return ["".join(pick() for _ in range(random.randint(1, 4))) for _ in range(count)]


def european_words(data):
    """Words of the vocabularies in `data`, a folder with those of CLIP and RoBERTa; else a few."""
    words = []
    roberta = Path(data) / "roberta-tokenizer/vocab.json"
    clip = Path(data) / "clip-tokenizer/tokenizer.json"
    if roberta.exists():
        words += [w[1:] for w in json.loads(roberta.read_text()) if w.startswith("Ġ") and w[1:].isalpha() and len(w) > 3]
    if clip.exists():
        vocab = json.loads(clip.read_text())["model"]["vocab"]
        words += [w[:-4] for w in vocab if w.endswith("</w>") and w[:-4].isalpha() and w.isascii() and len(w) > 7]
    if not words:
        words = "photo cat dog house tree sea night city street child bird boat light table apple red blue green small large".split()
    return [w for w in words if all(ord(c) < 0x250 for c in w)]


@lru_cache
def vocabulary(data):
    """Words of all scripts, by script; the same at every call."""
    drawn = random.Random(11)
    words = {script: make_words(script, 900, drawn) for script in SCRIPTS}
    words["EUROPE"] = european_words(data)
    return words


def corpus(data, lines=40_000):
    """Sentences: most in European words, the rest in one script each, some mixed, with marks and numbers."""
    drawn = random.Random(12)
    words = vocabulary(data)
    others = [script for script in words if script != "EUROPE"]
    found = []
    for _ in range(lines):
        script = "EUROPE" if drawn.random() < 0.45 else drawn.choice(others)
        pool = words[script]
        index = lambda: min(int(drawn.expovariate(1 / (len(pool) / 5))), len(pool) - 1)
        parts = [pool[index()] for _ in range(drawn.randint(3, 12))]
        if drawn.random() < 0.1:
            parts.append(drawn.choice(words[drawn.choice(others)]))
        if drawn.random() < 0.2:
            parts.append(str(drawn.randint(0, 3000)))
        gap = "" if script in ("CJK", "THAI", "HIRAGANA", "KHMER", "LAO") and drawn.random() < 0.7 else " "
        text = gap.join(parts)
        if script == "EUROPE" and drawn.random() < 0.6:
            text = text[0].upper() + text[1:] + drawn.choice([".", "!", "?", ",", "...", ""])
        found.append(text)
    return found


@lru_cache
def assigned():
    """All assigned characters but surrogates and private ones."""
    codes = list(range(0x20, 0xD800)) + list(range(0xF900, 0x20000)) + list(range(0x20000, 0x20100))
    return [chr(code) for code in codes if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]


def strings(data, count):
    """Hard strings: captions of many scripts with odd characters, marks, special tokens, any characters at all."""
    drawn = random.Random(13)
    words = vocabulary(data)
    names = list(words)
    templates = ["a photo of a {}.", "This is a photo of {}!", "{}", "two {}s in the {}", "«{}»", "{}, {} & {}"]

    def word():
        text = drawn.choice(words[drawn.choice(names) if drawn.random() < 0.6 else "EUROPE"])
        change = drawn.random()
        if change < 0.1:
            return text.upper()
        if change < 0.2:
            return text.capitalize()
        if change < 0.25:
            return text + drawn.choice("\u0301\u0308\u0327\u200d\u0323\u3099")
        if change < 0.3:
            return unicodedata.normalize(drawn.choice(["NFD", "NFKC"]), text)
        return text

    def piece():
        kind = drawn.random()
        if kind < 0.62:
            return word()
        if kind < 0.82:
            return drawn.choice(ODD)
        if kind < 0.87:
            return drawn.choice(SPECIALS)
        if kind < 0.93:
            return "".join(drawn.choices(assigned(), k=drawn.randint(1, 4)))
        if kind < 0.96:
            return str(drawn.randint(0, 10**6))
        return chr(drawn.randint(0x20, 0x7E)) * drawn.randint(1, 5)

    found = ["", " ", "\n", "a", "▁", "</s>", "[SEP]"]
    while len(found) < count:
        kind = drawn.random()
        if kind < 0.2:
            template = drawn.choice(templates)
            found.append(template.format(*(word() for _ in range(3))))
        elif kind < 0.3:
            found.append("".join(drawn.choices(assigned(), k=drawn.randint(1, 20))))
        elif kind < 0.32:
            found.append(" ".join(piece() for _ in range(120)))
        else:
            gap = lambda: drawn.choice([" ", " ", " ", "", "  ", "\u3000"])
            found.append("".join(piece() + gap() for _ in range(drawn.randint(1, 14))))
    return [text.encode("utf-8", "ignore").decode() for text in found]


def names_special(text):
    """Whether a special token is written in the text, in any case."""
    lower = text.lower()
    return any(token.lower() in lower for token in SPECIALS)
