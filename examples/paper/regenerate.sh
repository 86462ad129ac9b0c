#!/bin/sh
# Runs the experiments and leaves their tables (.txt, .csv) and figures (.svg) in `results`.
#
#   python3 ../data/fetch.py mnist fashion-mnist bike_sharing.csv
#   cargo build --release && sh regenerate.sh            # all of them
#   sh regenerate.sh rates_mnist bike_stream             # some
set -eu
cd "$(dirname "$0")"
egret=${EGRET:-$PWD/../../target/release/egret}
scripts=$PWD
mkdir -p results
cd results
if [ $# -eq 0 ]; then
  set -- rotating_rates rotating rates_mnist rates_fashion bike_stream
fi
for name in "$@"; do
  began=$(date +%s)
  "$egret" run "$scripts/$name.eg" > "$name.txt" 2> "$name.log" || { cat "$name.log"; exit 1; }
  rm "$name.log"
  echo "$name: $(($(date +%s) - began)) s" | tee "$name.time"
  cat "$name.txt"
done
