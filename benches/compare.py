#!/usr/bin/env python3
"""Runs Egret and what one would use instead, in turns, and prints tables of ratios.

    benches/compare.py [--quick] [--only REGEX] [--threads 1,2] [--fresh] [--table] [--no-peers]

Every measurement is a process of its own. Egret is run again beside each peer (E P E P ...), so that both
meet the same machine; a ratio is between neighbours. Results are kept in target/compare.json after each
job, so a run that was stopped goes on where it was (`--fresh` starts over; `--table` only prints).
Peers need a Python with `benches/peers/requirements.txt`: its path is $PEERS_PYTHON (default: python3);
without those packages use `--no-peers`.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
KEPT = ROOT / "target" / "compare.json"
SCRIPTS = HERE / "scripts"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
EGRET = TARGET / "release" / "egret"
PYTHON = os.environ.get("PEERS_PYTHON", "python3")

TRAIN = ["a", "b", "c", "d", "e", "f", "b_eg", "f_eg"]
CASES = {"10k": (1, 10_000), "1M": (1, 1_000_000), "20M": (1, 20_000_000), "200x1000": (200, 1000)}
STEPS = [f"{optimizer}.{case}" for optimizer in ["adam", "adamw", "adam_eg"] for case in CASES]
DEPTHS = [8, 32, 128, 512]


def peers_of(work, quick):
    """The peers of a workload: (program, variant), the strongest first."""
    if work.startswith("depth"):
        return [("jax", "first")] if not quick or int(work[5:]) <= 128 else []
    if "." in work:
        # For 200 tensors torch compiles longer than two minutes.
        compiled = [("torch", "compile")] if work.startswith("adam_eg") and "200x" not in work else []
        return [("by", "hand"), ("torch", "eager"), ("jax", "jit")] + compiled
    scan = [("jax", "scan")] if work != "d" else []
    compiled = [("torch", "compile")] if not quick or work in "ce" or work.endswith("_eg") else []
    return scan + [("jax", "jit"), ("torch", "eager")] + compiled


def jobs(args):
    """(name, workload, threads), each with its peers."""
    for work in TRAIN + STEPS + [f"depth{n}" for n in DEPTHS]:
        for threads in [2] if work.startswith("depth") else args.threads:
            yield f"{work}.t{threads}", work, threads


def environment(threads, quick):
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"]
    return dict(os.environ, PEERS_QUICK=str(int(quick)), **{name: str(threads) for name in names})


def run(command, threads, quick, seconds, **more):
    """The lines of JSON that a process prints; one thread means one processor, which JAX counts."""
    env = environment(threads, quick) | more
    if threads == 1 and shutil.which("taskset"):
        command = ["taskset", "-c", "0", *command]
    cache = tempfile.mkdtemp()
    env |= dict(PEERS_T0=repr(time.time()), TORCHINDUCTOR_CACHE_DIR=cache)
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return dict(failed=f"longer than {seconds} s")
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    lines = [line.removeprefix("JSON ") for line in done.stdout.splitlines()]
    found = [line for line in map(json.loads, filter(lambda line: line.startswith("{"), lines)) if "check" not in line]
    if done.returncode or not found:
        return dict(failed=(done.stderr.strip().splitlines() or ["no output"])[-1][:200])
    return found[-1]


# Steps alone go through memory only: let everybody's large arrays lie in huge pages.
PAGES = dict(GLIBC_TUNABLES="glibc.malloc.hugetlb=1")


def step(work, threads, quick, optstep, by):
    """An optimizer step alone, by Egret or by hand."""
    quickly = ["--quick"] if quick else []
    line = run([optstep, "--only", work, "--by", by, "--threads", str(threads), *quickly], threads, quick, 120, **PAGES)
    if "failed" in line:
        return line
    tensors, n = CASES[work.split(".")[1]]
    each = tensors * n * 1e-9
    return dict(median_s=line["ns"] * each, best_s=line["ns_best"] * each, first_step_s=None, peak_mib=None)


def egret(work, threads, quick, optstep):
    """Egret's figures in the form of a peer's."""
    if "." in work:
        return step(work, threads, quick, optstep, "egret")
    with tempfile.TemporaryDirectory() as folder:
        script = SCRIPTS / f"{work}.eg"
        if work.startswith("depth"):
            text = (SCRIPTS / "f.eg").read_text().replace("hidden * 32", f"hidden * {work[5:]}")
            script = pathlib.Path(folder) / "deep.eg"
            script.write_text(text)
        repeats = ["--repeats", "5", "--seconds", "0.1"] if quick else []
        line = run([str(EGRET), "bench", str(script), "--json", "--threads", str(threads), *repeats], threads, quick, 120)
    if "failed" in line:
        return line
    one = line["runs"][0]
    keep = {key: line[key] for key in ("compile_s", "first_step_s", "peak_mib", "functions")}
    return dict(median_s=one["median_s"], best_s=one["best_s"], **keep)


def peer(work, threads, quick, program, variant, optstep):
    if variant == "hand":
        return step(work, threads, quick, optstep, variant)
    name = work.replace("depth", "f")
    return run([PYTHON, str(HERE / "peers" / f"{program}_peer.py"), name, variant], threads, quick, 300,
               **(PAGES if "." in work else {}))


def build():
    """Builds everything; gives the program of the optimizer steps."""
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True)
    done = subprocess.run(["cargo", "bench", "--no-run", "--bench", "optstep", "--message-format=json"], cwd=ROOT, check=True,
                          stdout=subprocess.PIPE, text=True)
    made = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return next(line["executable"] for line in made if line.get("executable") and line["target"]["name"] == "optstep")


def measure(args, kept):
    optstep = build()
    for name, work, threads in jobs(args):
        if (args.only and not re.search(args.only, name)) or name in kept["jobs"]:
            continue
        begin, rows = time.time(), []
        for program, variant in [] if args.no_peers else peers_of(work, args.quick):
            rows.append(["egret", egret(work, threads, args.quick, optstep)])
            rows.append([f"{program} {variant}", peer(work, threads, args.quick, program, variant, optstep)])
        rows.append(["egret", egret(work, threads, args.quick, optstep)])
        kept["jobs"][name] = rows
        kept["date"] = time.strftime("%Y-%m-%d")
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        KEPT.with_suffix(".tmp").write_text(json.dumps(kept, indent=1))
        KEPT.with_suffix(".tmp").replace(KEPT)
        print(f"{name:18} {time.time() - begin:6.1f} s", file=sys.stderr, flush=True)
        for who, row in rows:
            if "failed" in row:
                print(f"  {who}: {row['failed']}", file=sys.stderr, flush=True)


def middle(values):
    values = sorted(value for value in values if value is not None)
    return values[len(values) // 2] if values else None


def ratios(rows):
    """For each peer its time over that of Egret's runs just before and after it."""
    for k, (who, row) in enumerate(rows):
        if who == "egret" or "failed" in row:
            continue
        own = [r["median_s"] for w, r in (rows[k - 1], rows[k + 1]) if w == "egret" and "failed" not in r]
        if own:
            yield who, row["median_s"], row["median_s"] / (sum(own) / len(own))


def unit(seconds):
    if seconds is None:
        return ""
    return f"{1e6 * seconds:.1f} us" if seconds < 1e-3 else f"{1e3 * seconds:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def print_table(heads, rows):
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def tables(kept):
    steps, firsts, depths = [], [], []
    for name, rows in kept["jobs"].items():
        own = [row for who, row in rows if who == "egret" and "failed" not in row]
        work, threads = name.rsplit(".t", 1)
        if not own:
            continue
        seconds = [row["median_s"] for row in own]
        spread = f"{unit(min(row['best_s'] for row in own))} to {unit(max(seconds))}"
        others = {who: row for who, row in rows if who != "egret" and "failed" not in row}
        first = middle([row.get("first_step_s") for row in own])
        if work.startswith("depth"):
            jax = others.get("jax first", {}).get("first_step_s")
            depths.append([work[5:], unit(middle([row["compile_s"] for row in own])), unit(first), unit(jax),
                           str(own[0]["functions"]), unit(middle(seconds))])
            continue
        found = sorted(ratios(rows), key=lambda found: found[1])
        best = next((f"{who}, {ratio:.2f}x" for who, _, ratio in found if who != "by hand"), "")
        rest = ", ".join(f"{who} {unit(time)} ({ratio:.2f}x)" for who, time, ratio in found)
        steps.append([work, threads, unit(middle(seconds)), spread, best, rest])
        if first is not None and threads == str(max(kept["threads"])):
            peaks = ", ".join(f"{who} {unit(row['first_step_s'])}, {row['peak_mib']:.0f} MiB" for who, row in others.items()
                              if row.get("first_step_s"))
            firsts.append([work, unit(middle([row["compile_s"] for row in own])), unit(first),
                           f"{middle([row['peak_mib'] for row in own]):.0f} MiB", peaks])
    print(f"{kept.get('date')}, {kept['machine']}\n")
    print("A step; the ratio is a peer's time over Egret's: above 1 Egret is faster.\n")
    print_table(["workload", "threads", "egret", "from best to worst", "best peer", "all peers"], steps)
    print("From the start of the process to the end of the first step, and peak memory.\n")
    print_table(["workload", "compile", "first step", "memory", "peers"], firsts)
    print("f by its depth: compile time, first step.\n")
    print_table(["layers", "compile", "first step", "JAX first step", "functions", "step"], depths)


def machine():
    try:
        info = pathlib.Path("/proc/cpuinfo").read_text()
        model = next(line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "unknown processor"
    return f"{model}, {os.cpu_count()} processors"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter repeats, fewer variants: about 12 minutes")
    parser.add_argument("--only", help="jobs whose name matches, such as '^e' or 'adam_eg'")
    parser.add_argument("--threads", default="1,2", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--table", action="store_true", help="only print what has been measured")
    parser.add_argument("--no-peers", action="store_true", help="measure Egret alone")
    args = parser.parse_args()
    kept = dict(jobs={}, machine=machine(), threads=args.threads)
    if KEPT.exists() and not args.fresh:
        kept = json.loads(KEPT.read_text())
    if not args.table:
        measure(args, kept)
    tables(kept)


if __name__ == "__main__":
    main()
