#!/bin/sh
# Runs the experiments and leaves their tables (.txt, .csv), figures (.svg) and processor seconds (.time) in
# `results`. Each computes with one thread: with more processors, run several of them side by side.
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
  set -- rates_mnist rates_fashion cnn_mnist cnn_fashion text_rates settings rotating_rates rotating bike_stream
fi
for name in "$@"; do
  (
    "$egret" run --threads 1 "$scripts/$name.eg" > "$name.txt" 2> "$name.log" || { cat "$name.log"; exit 1; }
    times > "$name.log"
  )
  awk -v name="$name" 'NR == 2 { split($1, user, "m"); split($2, sys, "m")
    printf "%s: %.0f s\n", name, 60 * (user[1] + sys[1]) + user[2] + sys[2] }' "$name.log" | tee "$name.time"
  rm "$name.log"
  cat "$name.txt"
done
