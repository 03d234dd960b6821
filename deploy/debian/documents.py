"""Writes what a package needs beside the program, and takes all of it from the program itself: man pages from --help and the configuration's
reference, completions from its table of commands.

    /usr/bin/python3 deploy/debian/documents.py build/release/postern OUTPUT_DIRECTORY
"""

import email.utils
import gzip
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator, List, Tuple

Section = Tuple[str, List[str]]  # its heading, "" for the first, and its lines


def ask(binary: Path, *words: str) -> str:
    return subprocess.run([binary, *words], check=True, capture_output=True, text=True).stdout


def escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def sections(text: str) -> List[Section]:
    found: List[Section] = [("", [])]
    for line in text.splitlines():
        if re.fullmatch(r"[a-z]+:", line):
            found.append((line[:-1], []))
        else:
            found[-1][1].append(line)
    return found


def entries(lines: List[str]) -> Iterator[Tuple[str, str]]:
    """Terms and meanings of two columns, the second of which may go on over several lines."""
    term, meaning = "", ""
    for line in lines:
        begun = re.match(r"^  (\S+(?: \S+)*)  +(\S.*)$", line)
        if begun:
            if term:
                yield term, meaning
            term, meaning = begun[1], begun[2]
        elif line.startswith("  ") and line.strip():
            meaning += " " + line.strip()
    if term:
        yield term, meaning


def paragraphs(lines: List[str]) -> Iterator[str]:
    text: List[str] = []
    for line in [*lines, ""]:
        if line.strip():
            text.append(line.strip())
        elif text:
            yield " ".join(text)
            text = []


def heading(name: str, section: int, version: str) -> str:
    return f'.TH "{name.upper()}" "{section}" "" "postern {version}" "postern"\n'


def described(lines: List[str]) -> str:
    """Columns where the lines are indented, and paragraphs, in whichever order they come."""
    columns = "".join(f".TP\n.B {escaped(term)}\n{escaped(meaning)}\n" for term, meaning in entries(lines))
    text = "".join(f".PP\n{escaped(paragraph)}\n" for paragraph in paragraphs([line for line in lines if not line.startswith("  ")]))
    return columns + text if lines[0].startswith("  ") else text + columns


def page(help_text: str, name: str, title: str, version: str, see_also: List[str]) -> str:
    (_, first), *rest = sections(help_text)
    usage = first[0].removeprefix("usage: ")
    meaning = next(paragraphs(first[1:]))
    summary = re.split(r"(?<=[^.]{3})[.:;] |\.$", meaning)[0]
    text = heading(name, 1, version)
    text += f".SH NAME\n{escaped(name)} \\- {escaped(summary[0].lower() + summary[1:])}\n"
    text += f".SH SYNOPSIS\n.B {escaped(usage)}\n.SH DESCRIPTION\n{described(first[1:])}"
    for title_of, lines in rest:
        text += f".SH {title_of.upper()}\n"
        if title_of == "examples":
            text += ".nf\n" + "".join(f".RS\n{escaped(line.strip())}\n.RE\n" for line in lines if line.strip()) + ".fi\n"
        else:
            text += described(lines)
    text += ".SH SEE ALSO\n" + ",\n".join(f".BR {escaped(other)} ({1 if other != 'postern.yaml' else 5})" for other in see_also).replace(",\n", " ,\n") + "\n"
    return text


def configuration_page(reference: str, version: str) -> str:
    text = heading("postern.yaml", 5, version)
    text += ".SH NAME\npostern.yaml \\- configuration of postern\n.SH DESCRIPTION\n"
    before, _, table = reference.partition("\n| key |")
    example, before = re.search(r"```yaml\n(.*?)```", before, re.S)[1], re.sub(r"^# [^\n]*$|```yaml\n.*?```\n", "", before, flags=re.S | re.M)
    for paragraph in paragraphs(before.splitlines()):
        text += f".PP\n{escaped(plain(paragraph))}\n"
        if "smallest" in paragraph:
            text += f".PP\n.nf\n.RS\n{escaped(example)}.RE\n.fi\n"
    text += ".SH KEYS\n"
    for row in table.splitlines():
        cells = [plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        if len(cells) != 6 or not cells[0] or set(cells[0]) <= set("-") or cells[0] == "key":
            continue
        key, meaning, form, default, effect, variable = cells
        text += f".TP\n.B {escaped(key)}\n{escaped(meaning)}.\n.br\n{escaped(form)}"
        text += f"; default {escaped(default)}" if default else ""
        text += f"; takes effect by {escaped(effect)}"
        text += f"; {escaped(variable)}" if variable else ""
        text += ".\n"
    return text + ".SH SEE ALSO\n.BR postern (1)\n"


def plain(text: str) -> str:
    return text.replace("`", "").replace("*", "").replace("\\|", "|")


def man_pages(binary: Path, folder: Path, version: str) -> None:
    (folder / "man1").mkdir(parents=True)
    (folder / "man5").mkdir()
    overview = ask(binary, "--help")
    commands = [line.split(" ") for line in commands_of(binary)]
    names = ["postern-" + "-".join(words) for words in commands]
    for words, name in zip(commands, names):
        pages = ["postern", "postern.yaml"] if "--config" in ask(binary, *words, "--help") else ["postern"]
        text = page(ask(binary, *words, "--help"), name, name, version, pages)
        write(folder / f"man1/{name}.1.gz", text)
    write(folder / "man1/postern.1.gz", page(overview, "postern", "postern", version, [*sorted(names), "postern.yaml"]))
    write(folder / "man5/postern.yaml.5.gz", configuration_page(ask(binary, "config", "reference"), version))


def commands_of(binary: Path) -> List[str]:
    """"token create" and so on, as the program lists them."""
    names: List[str] = []
    for title, lines in sections(ask(binary, "--help")):
        if title != "commands":
            continue
        for term, meaning in entries(lines):
            noun = term.removesuffix(" ...")
            names += [f"{noun} {verb}" for verb in meaning.split(", ")] if noun != term else [noun]
    return names


def write(path: Path, text: str) -> None:
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())


def changelog(version: str) -> str:
    when = email.utils.formatdate(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    return f"postern ({version}) unstable; urgency=medium\n\n  * What changed is told by CHANGELOG.md of the sources.\n\n -- postern developers <postern@packages.example.org>  {when}\n"


def main() -> None:
    binary, output = Path(sys.argv[1]), Path(sys.argv[2])
    version = ask(binary, "version").split()[1]
    subprocess.run(["rm", "-rf", output], check=True)
    man_pages(binary, output / "man", version)
    for shell, place in [("bash", "bash-completion/completions/postern"), ("zsh", "zsh/vendor-completions/_postern"), ("fish", "fish/vendor_completions.d/postern.fish")]:
        (output / place).parent.mkdir(parents=True)
        (output / place).write_text(ask(binary, "completion", shell))
    write(output / "changelog.gz", changelog(version))


if __name__ == "__main__":
    main()
