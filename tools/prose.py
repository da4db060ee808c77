"""Check docstrings, comments, messages and pages by the rules of docs/glossary.md.

python tools/prose.py            compare the findings of each file with tools/prose_baseline.txt
python tools/prose.py PATH...    print all findings of these files and folders
python tools/prose.py --update   lower the baseline
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BASELINE, GLOSSARY = ROOT / "tools/prose_baseline.txt", ROOT / "docs/glossary.md"
CHECKED = [
    ROOT / name for name in ("hilevel", "backends", "benchmarks", "docs", "README.md", "CONTRIBUTING.md")
]
VERBS, VERBS_AND_NOUNS = (set(b.split()) for b in (ROOT / "tools/verbs.txt").read_text().split("\n\n"))
LONGEST = 25
CODE = "C0DE"  # stands for a piece of code, which counts as one word
NOT_PROSE = (
    re.compile(  # fenced code, doctests, comments of pages, addresses; inline code; the name of an argument
        r"^ *(?:```|~~~).*?^ *(?:```|~~~)|^ *>>>.*?(?=^\s*$|\Z)|<!--.*?-->|\]\([^)]*\)|https?://\S+"
        r"|(?P<code>`+).+?(?P=code)|(?P<name>^ +\**\w+(?:, \**\w+)*(?: \([^()\n]*\))?:(?=\s))",
        re.M | re.S,
    )
)
SENTENCE_END = re.compile(  # a stop; a blank line; a cell or a name; before an item or a heading
    r"[.!?][\"')\]*_]*(?=\s|\Z)|\n\s*(?=\n)|\||\n(?=\s*(?:[-*+#>]|\d+\.)\s)|\Z"
)
DETERMINER = re.compile(rf"({CODE}|(a|an|the|each|every|all|its|their|one|two|no|whether|if)\b)", re.I)
FUNCTION_WORD = re.compile(r"\b(a|an|the|is|are|has|of|to|in|for|not|no)\b")


class Text(NamedTuple):
    """A text with its first line; of a docstring, the kind and the name of its owner."""

    line: int
    text: str
    kind: str = ""
    name: str = ""


def texts(path: Path) -> Iterator[Text]:
    """Yield the texts of a page or a module."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield Text(1, re.sub(r"^\|.*", "", source, flags=re.M) if path == GLOSSARY else source)
        return
    tree = ast.parse(source)
    docs = dict(docstrings(tree))
    yield from (*docs.values(), *comments(source), *messages(tree, set(docs)))


def docstrings(tree: ast.AST) -> Iterator[tuple[ast.AST, Text]]:
    """Yield the strings that stand alone: docstrings of modules, classes, functions and attributes."""
    for owner in ast.walk(tree):
        body = getattr(owner, "body", None)
        before: Any = owner
        for node in body if isinstance(body, list) else []:
            match node:
                case ast.Expr(ast.Constant(str(text)) as string):
                    yield string, Text(string.lineno, text, kind_of(before), name_of(before))
            before = node


def name_of(owner: Any) -> str:
    """Return the name of a function or class, or of the attribute that is assigned, else ""."""
    target = getattr(owner, "target", None) or getattr(owner, "targets", [owner])[0]
    return str(getattr(target, "name", "") or getattr(target, "id", ""))


def kind_of(owner: Any) -> str:
    """Return "function", "noun" for a class or property, or "other"."""
    if not isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef):
        return "noun" if isinstance(owner, ast.ClassDef) else "other"
    return "noun" if any("property" in ast.unparse(d) for d in owner.decorator_list) else "function"


def comments(source: str) -> Iterator[Text]:
    """Yield the comments. Comments on adjacent lines are one text."""
    found = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    text = Text(0, "")
    for token in found:
        line, words = token.start[0], token.string.strip("#-! ")
        if line == text.line + text.text.count("\n") + 1 and token.line.lstrip().startswith("#"):
            text = text._replace(text=f"{text.text}\n{words}")
        else:
            yield text
            text = Text(line, words)
    yield text


def messages(node: ast.AST, docs: set[ast.AST]) -> Iterator[Text]:
    """Yield the other strings that are prose, with code in place of each `{value}`."""
    match node:
        case ast.Constant(str()) | ast.JoinedStr():
            parts: list[Any] = getattr(node, "values", [node])
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else CODE for p in parts)
            if node not in docs and FUNCTION_WORD.search(text) and not re.search(r"[;{}]\s*\n", text):
                yield Text(node.lineno, text)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from messages(child, docs)


def instead() -> tuple[re.Pattern[str], dict[str, str]]:
    """Return a pattern of the phrases in the glossary's table, and the advice for the forbidden ones."""
    advice, allowed = dict[str, str](), list[str]()
    for row in re.findall(r"^\|(.*)\|(.*)\|(.*)\|$", GLOSSARY.read_text(encoding="utf-8"), re.M)[2:]:
        phrases, write, but = (cell.strip() for cell in row)
        advice |= dict.fromkeys(phrases.split(", "), write)
        allowed += filter(None, but.split(", "))
    longest_first = sorted([*advice, *allowed], key=len, reverse=True)
    return re.compile(rf"\b({'|'.join(longest_first)})\b".replace(" ", r"\s+"), re.I), advice


PHRASES, ADVICE = instead()


def without_code(text: str) -> str:
    """Return the prose alone, on the same lines."""
    return NOT_PROSE.sub(
        lambda m: (CODE if m["code"] else "|" if m["name"] else "") + "\n" * m[0].count("\n"), text
    )


def findings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield a line and a message for each violation of a rule."""
    for text in texts(path):
        yield from ((text.line, message) for message in wrong_beginning(text))
        prose, start = without_code(text.text), 0
        for end in SENTENCE_END.finditer(prose):
            for offset, message in wrong_sentence(prose[start : end.end()]):
                yield text.line + prose.count("\n", 0, start + offset), message
            start = end.end()


def wrong_beginning(text: Text) -> Iterator[str]:
    """Yield a message if a docstring begins with a word of the wrong kind."""
    first, rest = re.findall(r"\A\s*(\w*)\s*(.*)", without_code(text.text))[0]
    if not text.kind or (first == "Whether" and text.name.lstrip("_").startswith(("is_", "has_"))):
        return
    shown = "code" if first == CODE else f'"{first}"'
    if first in ("What", "Whether", "How", "Which", "Where"):
        yield f"docstring begins with {shown}"
    elif text.kind == "function" and (first.lower() not in VERBS | VERBS_AND_NOUNS or rest.startswith("of ")):
        yield f"docstring of a function begins with {shown} and no verb in the imperative"
    elif text.kind == "noun" and is_verb(first, VERBS | VERBS_AND_NOUNS if DETERMINER.match(rest) else VERBS):
        yield f"docstring of a class or property begins with the verb {shown}"


def is_verb(word: str, verbs: set[str]) -> bool:
    """Whether the word is one of the verbs, or its third person."""
    word = word.lower()
    return not verbs.isdisjoint(
        (word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word))
    )


def wrong_sentence(sentence: str) -> Iterator[tuple[int, str]]:
    """Yield an offset and a message for each forbidden phrase, and for a sentence that is too long."""
    if sentence.rstrip().endswith("?"):
        return
    for found in PHRASES.finditer(sentence):
        phrase = " ".join(found[0].lower().split())
        if phrase in ADVICE:
            yield found.start(), f'instead of "{phrase}" write: {ADVICE[phrase]}'
    words = re.findall(r"\S*[A-Za-z]\S*", re.sub(rf"{CODE}(\S*\s+(and |or )?{CODE})+", CODE, sentence))
    if len(words) > LONGEST:
        yield len(sentence) - len(sentence.lstrip()), f"a sentence of {len(words)} words, more than {LONGEST}"


def report(paths: list[Path]) -> dict[str, list[str]]:
    """Return the lines to print for each module and page under the paths."""
    inside = [f for p in paths for f in ((*p.rglob("*.py"), *p.glob("*.md")) if p.is_dir() else [p])]
    names = {f.resolve().relative_to(ROOT).as_posix(): f.resolve() for f in inside if f.exists()}
    return {n: [f"{n}:{line}: {m}" for line, m in sorted(findings(f))] for n, f in sorted(names.items())}


def compare(found: dict[str, list[str]], accepted: dict[str, int]) -> Iterator[str]:
    """Yield the lines to print where the number of findings is not the number in the baseline."""
    for path in sorted(found | accepted):
        lines, most = found.get(path, []), accepted.get(path, 0)
        if len(lines) > most:
            yield from lines
        if len(lines) != most:
            advice = ": run python tools/prose.py --update" if len(lines) < most else ""
            yield f"{path}: {len(lines)} findings, {most} in the baseline{advice}"


def update(found: dict[str, list[str]], accepted: dict[str, int]) -> Iterator[str]:
    """Write the baseline. Yield a message instead if it would rise in total; a move of files does not change that."""
    before, now = sum(accepted.values()), sum(map(len, found.values()))
    if accepted and now > before:
        yield f"{now} findings, {before} in the baseline, which is only lowered"
    else:
        BASELINE.write_text("".join(f"{len(lines)} {path}\n" for path, lines in found.items() if lines))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    found = report(options.paths or CHECKED)
    text = BASELINE.read_text() if BASELINE.exists() else ""
    accepted = {path: int(count) for count, path in re.findall(r"^(\d+) (\S+)$", text, re.M)}
    judge = update if options.update else compare
    lines = (
        [line for own in found.values() for line in own] if options.paths else list(judge(found, accepted))
    )
    print("\n".join(lines) or "no findings beyond the baseline")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
