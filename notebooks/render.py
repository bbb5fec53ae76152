"""Run notebooks and keep what they show as Markdown with pictures.

python notebooks/render.py [NAME...]

Without names: those that need nothing but the repository. Each takes the environment that it names; relative
paths in it count from the root of the repository.
"""

import base64
import os
import shutil
import sys
from pathlib import Path

import jupytext
import nbclient

NOTEBOOKS = Path(__file__).resolve().parent
REPOSITORY = NOTEBOOKS.parent
RENDERED = REPOSITORY / "docs" / "notebooks"
OF_THE_REPOSITORY = ("what_mining_looks_like", "errors_and_evasions")


def render(name: str) -> Path:
    """Run a notebook; write NAME.md and its pictures, NAME/NN.png, below `RENDERED`."""
    notebook = jupytext.read(NOTEBOOKS / f"{name}.py")
    nbclient.NotebookClient(
        notebook, timeout=3600, resources={"metadata": {"path": str(REPOSITORY)}}
    ).execute()
    pictures = RENDERED / name
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    parts = [f"<!-- Made by notebooks/render.py from notebooks/{name}.py; edit that. -->"]
    for cell in notebook.cells:
        parts.append(cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```")
        parts += [
            _shown(output_["data"], pictures) for output_ in cell.get("outputs", []) if "data" in output_
        ]
    written = RENDERED / f"{name}.md"
    written.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return written


def _shown(data: dict[str, str], pictures: Path) -> str:
    if "image/png" in data:
        picture = pictures / f"{len(list(pictures.iterdir())) + 1:02}.png"
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return f"![]({pictures.name}/{picture.name})"
    return data.get("text/markdown") or f"```\n{data['text/plain']}\n```"


if __name__ == "__main__":
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    for each in sys.argv[1:] or OF_THE_REPOSITORY:
        print(render(each))
