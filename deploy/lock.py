"""Print requirements.lock: what pip would install for all extras today, one pinned version a line."""

import json
import subprocess
import sys

_HEAD = "# Everything that flowml needs, at the versions it is tested with. Made by `make lock`; do not edit."


def main() -> None:
    """Resolve and print."""
    ask = ["install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-", ".[dev,lab]"]
    answer = subprocess.run([sys.executable, "-m", "pip", *ask], check=True, capture_output=True, text=True)
    found = {
        entry["metadata"]["name"].lower().replace("_", "-"): entry["metadata"]["version"]
        for entry in json.loads(answer.stdout)["install"]
    }
    found.pop("flowml")
    print(_HEAD, *(f"{name}=={version}" for name, version in sorted(found.items())), sep="\n")


if __name__ == "__main__":
    main()
