"""Finds English sentences in what a command says in another language: names, code and formulas are none."""

import ast
import html
import re


def _words(text: str) -> set[str]:
    return set(text.split())


FUNCTION_WORDS = _words(
    """a about above after against all an and another any are as at be because been before below between both but by can
    could did do does each every few for from had has have here how if in into is it its least less many may might more
    most must no nor not of on one only or other our over same should so such than that the their them then there these
    they this those to too two under until was we were what when where which while who why will with without would you
    your"""
)
NAMES = _words(
    """Adam Gradescope GradientDescent Graphviz JSON CSV LaTeX Linear Markdown Matplotlib NumPy Python PyTorch Chromium
    Git GitHub Tab Noto Sans DejaVu bpcompare torch numpy autograd manual adam python cars longley norris"""
)
CODE_WORDS = _words(
    """formula moments graph hook weight bias epoch epochs loss lr seed compare sweep derive equations collapse
    reproduce check pitfalls report sigmoid tanh relu exp log sin cos sqrt mean sum speed dist line rank float double"""
)
CHOICES = _words(
    """abs all ascent backward cosh given gbk json latex lin markdown matmul max min nan normal outputs paper pdf png
    pytorch quadratic shuffled sinh slides svg tan text torchrun torchviz transpose ulp adam-step delta-recursion
    linear-regression sigmoid-neuron eps auto cpu cuda mps"""
) | {"Sigmoid", "Tanh", "None", "Loss", "out", "grad", "step"}  # classes, and parts of formulas
"""What options, files and functions are called."""
QUOTED = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|\"[^\"\n]*\"|`[^`\n]*`|「[^」\n]*」")
WORD = re.compile(r"\(?([A-Za-z][a-z]*(?:['’-][a-z]+)?)([,;:.!?)…]*)$")


def is_code(line: str) -> bool:
    """Whether a line is Python: it has a sign that prose lacks, and it can be parsed."""
    line = line.strip().removeprefix("$ ").removeprefix(">>> ")
    if re.match(r"python -m |bpcompare [a-z]+ |make [a-z]+$|import \w+$|from [\w.]+ import ", line):
        return True
    if not re.search(r"[=(\[@]|^(def|for|return|with|if|class|else)\b", line):
        return False
    for attempt in (line, f"{line} pass", f"{line}\n pass", f"if 1:\n {line}"):
        try:
            ast.parse(attempt)
        except (SyntaxError, ValueError):
            continue
        return True
    return False


def english(text: str) -> list[str]:
    """The pieces of a text that read like English: two words, one of them a word of grammar or both no code."""
    found = []
    for line in text.splitlines():
        code, __, comment = line.partition("#")
        prose = comment if is_code(code) else line
        for run in _runs(QUOTED.sub(" · ", prose)):
            words = [word.lower() for word in run]
            grammar = len(run) >= 2 and bool(set(words) & FUNCTION_WORDS)
            if grammar or len(set(words) - CODE_WORDS) >= 2:
                found.append(" ".join(run))
    return found


def strange_words(text: str) -> set[str]:
    """English words that stand alone in a text and are no names: what was left behind in a table or a list."""
    lines = [QUOTED.sub(" · ", line) for line in text.splitlines() if not is_code(line)]
    tokens = re.split(r"[ \t\n|│，。：；、（）/]+", "\n".join(lines))
    words = {word[1] for token in tokens if (word := WORD.match(token))}
    return {word for word in words if len(word) >= 3} - NAMES - CODE_WORDS - CHOICES


def _runs(line: str) -> list[list[str]]:
    """Words that follow each other; a name, a formula, an option or a colon ends a run."""
    runs: list[list[str]] = [[]]
    for token in re.split(r" (?! )|[\t|│]", line):  # of several blanks, the last ends a run
        word = WORD.match(token)
        if word and (len(word[1]) > 1 or word[1] == "a") and word[1] not in NAMES and not word[1].isupper():
            runs[-1].append(word[1])
            if word[2]:
                runs.append([])
        else:
            runs.append([])
    return runs


def of_page(text: str) -> str:
    """What a reader sees of an HTML or SVG page, what is read aloud of it included, one text a line."""
    text = re.sub(r"<(script|style|math|code|pre|tt)\b.*?</\1>", " ", text, flags=re.DOTALL)
    aloud = re.findall(r'\b(?:alt|title|aria-label|placeholder)="([^"]*)"', text)
    return html.unescape("\n".join([re.sub(r"<[^>]*>", "\n", text), *aloud]))


def of_graph(text: str) -> str:
    """The labels of a Graphviz file."""
    return "\n".join(re.findall(r'label="([^"]*)"', text)).replace("\\n", "\n")


def numbers(text: str) -> list[str]:
    """The numbers of a text, sorted."""
    return sorted(re.findall(r"[−+-]?\d+(?:,\d+)*(?:\.\d+)?(?:e[+-]?\d+)?", text))
