"""One table of what was left out: families, carriers, evasions and kinds of benign traffic.

Reads the reports of `flowml evaluate --leave-out KIND`, docs/evaluation/left-out-KIND.md, and writes
docs/evaluation/left-out.md beside them.
"""

from collections.abc import Iterator
from pathlib import Path

FOLDER = Path("docs/evaluation")
KINDS = {"families": "family", "carriers": "carrier", "evasions": "evasion", "benign": "benign traffic"}
REAL = ("ndpi", "iot_sentinel")
"""Kinds of benign traffic that are folders of real captures."""
HEAD = [
    "# Left out, in one table",
    "",
    "Made by `python benchmarks/left_out_table.py` from the reports of one kind each, which say how each was",
    "made and have intervals and delays: " + ", ".join(f"[{k}](left-out-{k}.md)" for k in KINDS) + ".",
    "",
    "Each row is a fit that did not see what it names, nor one in five benign origins. Found are",
    "mining connections, those of families and carriers with miners that evade among them; false alarms are",
    "of the benign origins that the same fit did not see, and in rows of benign traffic of that traffic.",
    "",
    "| left out | | found, 300 s or longer | 60 s or longer | 20 to 60 s | false alarms, real | lab |",
    "|---|---|---|---|---|---|---|",
]


def main() -> None:
    """Write the table."""
    lines = [*HEAD, *(line for kind in KINDS for line in of_kind(kind)), ""]
    (FOLDER / "left-out.md").write_text("\n".join(lines), encoding="utf-8")


def of_kind(kind: str) -> Iterator[str]:
    """The rows of one report."""
    found, *others = tables((FOLDER / f"left-out-{kind}.md").read_text(encoding="utf-8"))
    if kind == "benign":
        for name, alarms, _ in found[1:]:
            real, lab = (alarms, "") if name in REAL else ("", alarms)
            yield f"| {name} | {KINDS[kind]} | | | | {real} | {lab} |"
        return
    alarms_of = {name: (real, lab) for name, real, lab in others[-1][1:]}
    for name, long, _, minute, short, *_ in found[1:]:
        real, lab = alarms_of[name]
        yield f"| {name} | {KINDS[kind]} | {long} | {minute} | {short} | {real} | {lab} |"


def tables(text: str) -> list[list[list[str]]]:
    """The cells of the tables of a Markdown document, without the lines under their heads."""
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            if not line.startswith("|---"):
                found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        before = line
    return found


if __name__ == "__main__":
    main()
