"""Turn a program's terminal output into the SVG that the README shows.

make demo 2>&1 | tee demo.txt; python deploy/terminal_picture.py demo.txt docs/pictures/demo.svg
"""

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text


def main() -> None:
    """Read text, write SVG."""
    source, target = map(Path, sys.argv[1:])
    console = Console(record=True, width=118, file=sys.stderr)
    for line in source.read_text(encoding="utf-8").splitlines():
        text = Text(line)
        text.highlight_words(["MINING"], "bold red")
        text.highlight_regex(r"^== .*", "bold cyan")
        text.highlight_regex(r"probability [0-9.]+", "yellow")
        console.print(text)
    console.save_svg(str(target), title="make demo")


if __name__ == "__main__":
    main()
