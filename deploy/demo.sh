#!/bin/sh
# The main job from end to end: recordings -> model -> MLflow -> live traffic -> tagged connections.
# usage: sh deploy/demo.sh .venv/bin
set -eu
bin=$1
out=out/demo
MLFLOW_TRACKING_URI=${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}
export MLFLOW_TRACKING_URI

rm -rf "$out"
mkdir -p "$out"

echo "== 1 of 3: fit a model on the recordings in datasets/ and register it in MLflow"
"$bin/flowml" train datasets/first -o "$out/model" --version demo
version=$("$bin/flowml" models list --json | "$bin/python" -c \
    'import json, sys; print(max(int(row["version"]) for row in json.load(sys.stdin)))')
"$bin/flowml" models promote "$version" --alias champion

if [ "$(id -u)" -eq 0 ] && "$bin/flowml" lab check demo; then
    echo "== 2 of 3: watch a tap on which miners and others talk, for 75 seconds"
    "$bin/flowml" lab play demo --seed 3 -- \
        "$bin/flowml" live -i {tap} --model models:/flowml@champion --eve "$out/eve.json" --duration 75
else
    echo "== 2 of 3: replay a recording at 20 times its speed (a tap in network namespaces needs root)"
    "$bin/flowml" live --replay datasets/first/first.pcap.zst --speed 20 \
        --model models:/flowml@champion --eve "$out/eve.json"
fi

echo "== 3 of 3: $(grep -c '"event_type": *"alert"' "$out/eve.json" || true) alerts in $out/eve.json (Suricata EVE)"
