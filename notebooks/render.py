"""Run evaluate_champion.py and keep what it shows beside it; takes the environment that it names."""

from pathlib import Path

import jupytext
import nbclient

SOURCE = Path(__file__).with_name("evaluate_champion.py")

notebook = jupytext.read(SOURCE)
nbclient.NotebookClient(notebook, timeout=3600).execute()
jupytext.write(notebook, SOURCE.with_suffix(".ipynb"))
