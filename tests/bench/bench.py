"""How fast libliax is here: its kernels, the layers of a frame beside their roofline, and frames by threads and batch.

    tests/bench/bench.py [--scale 0.5] [--size 512] [--threads 1,2] [--batches 1,4] [--conv auto] [--rounds 10] [--out STEM]

Writes STEM.json, STEM.md and plots. `make bench` runs it; LIAX_BUILD names the build folder.
"""
from __future__ import annotations

import argparse
import collections
import functools
import itertools
import json
import os
import pathlib
import random
import subprocess

import plot
import rounds
from liax import Liax
from rounds import BUILD, WORK, Cores, Rounds, compared, markdown, timed

PARTS = ("encoder", "decoder", "frame")
SMALL = 0.005  # groups of layers that take less of a frame are told together
FEWER = {"winograd 4x4": 4, "winograd 2x2": 2.25}  # multiplications than the direct form's


def bound(layer: dict, peak: float, memory: float) -> float:
    """GFLOP/s, in the direct form's FLOPs, that the layer's algorithm could reach."""
    fewer = 4 if layer["kernel"] == "upsample_conv2d" else FEWER.get(layer["algorithm"].removesuffix(" bf16"), 1)
    return min(fewer * peak, layer["flop_per_byte"] * memory)


def program(cpus: list[int], *words) -> list[str]:
    """The lines that a program says, run on these CPUs."""
    out = subprocess.run([str(w) for w in words], check=True, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    return out.stdout.splitlines()


def make_model(size: int, scale: float) -> pathlib.Path:
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"bench_{size}_{round(1000 * scale)}.liax"
    if not path.exists():
        subprocess.run([BUILD / "bin" / "liax-synth", "--size", str(size), "--scale", str(scale), "--motions", "40", path], check=True)
    return path


def kernels(cpus: list[int], level: str, seconds: float) -> tuple[list[dict], str]:
    lines = program(cpus, BUILD / "tests" / "check" / "bench_kernels", "--json", "--level", level, "--threads", len(cpus), "--seconds", seconds)
    rows = [json.loads(line) for line in lines]
    table = [[r["case"], r["algorithm"], f"{r['ms']:.3f}", f"{r['median_ms']:.3f}", f"{r['gflops']:.0f}" if r["flops"] else "",
              f"{r['share_of_peak']:.0%}" if r["flops"] else "", f"{r['share_of_bound']:.0%}" if r["flops"] else f"{r['gb_per_s']:.1f} GB/s"] for r in rows]
    return rows, markdown(["kernel", "algorithm", "min ms", "median ms", "GFLOP/s", "of the peak", "of the bound"], table)


def group_of(layer: dict) -> tuple[str, str, int]:
    part = layer["layer"].split(".")[0]
    return {"enc": "encoder", "dec": "decoder"}.get(part, "frame"), layer["kernel"], layer["shape"][2]


def layers(cpus: list[int], model: pathlib.Path, conv: str, runs: int) -> tuple[dict, str, str]:
    """The profile of a frame, its table by part, kernel and level, and the plot of all layers."""
    profile = json.loads("\n".join(program(cpus, BUILD / "bin" / "liax", "bench", "-m", model, "--threads", len(cpus), "--conv", conv, "--runs", runs, "--layers", "--json")))
    peak, memory, whole = profile["peak_gflops"], profile["bandwidth_gb_per_s"], sum(layer["ms"] for layer in profile["layers"])
    groups = collections.defaultdict(list)
    for layer in profile["layers"]:
        groups[group_of(layer)].append(layer)
    table, rest = [], 0.0
    for (part, kernel, level), rows in sorted(groups.items(), key=lambda kv: (kv[0][0] != "encoder", kv[0][1], kv[0][2])):
        ms, flops, moved = (sum(r[key] for r in rows) for key in ("ms", "flops", "bytes"))
        if ms < SMALL * whole:
            rest += ms
            continue
        row = [part, kernel, f"{level}" if level else "", f"{len(rows)}", f"{ms:.1f}", f"{ms / whole:.1%}"]
        if flops:
            least = sum(1e-6 * r["flops"] / bound(r, peak, memory) for r in rows if r["flops"])  # ms, if every layer reached its bound
            row += [f"{1e-6 * flops / ms:.0f}", f"{flops / moved:.0f}", f"{1e-6 * flops / least:.0f}", f"{least / ms:.0%}"]
        table.append(row + [""] * (10 - len(row)))
    table.append(["", "all else", "", "", f"{rest:.1f}", f"{rest / whole:.1%}", "", "", "", ""])
    text = markdown(["part", "kernel", "level", "layers", "ms", "of the frame", "GFLOP/s", "FLOP/byte", "bound", "of the bound"], table)
    text += f"\npeak {peak:.0f} GFLOP/s, memory {memory:.1f} GB/s; FLOPs those of direct convolutions; \
bound = min(peak x direct multiplications / the algorithm's, FLOP/byte x memory)\n"
    points = collections.defaultdict(list)
    for r in profile["layers"]:
        if r["flops"]:
            points[f"{group_of(r)[0]} {r['kernel']}"].append((r["flop_per_byte"], r["gflops"], r["ms"] / whole))
    return profile, text, plot.roofline(f"Layers of a frame, {len(cpus)} threads; areas are shares of the time", peak, memory, points)


def pinned(cpus: list[int], run, share: int) -> float:
    os.sched_setaffinity(0, cpus)  # this thread is one of the pool's
    return timed(run) / share


def frames(cores: Cores, model: pathlib.Path, threads: list[int], batches: list[int], convs: list[str], n: int) -> tuple[dict, str, str]:
    """Encoder, decoder and whole frames; all combinations take turns."""
    runs = {}
    for conv, count, batch in itertools.product(convs, threads, batches):
        cpus = cores.cpus[:count]
        engine = Liax(model, cpus, batch, conv=conv)
        engine.start(*(random.randbytes(3 * engine.size ** 2) for _ in range(2)))
        if batch == 1:
            runs[conv, count, batch, "encoder"] = functools.partial(pinned, cpus, engine.encoder, 1)
            runs[conv, count, batch, "decoder"] = functools.partial(pinned, cpus, engine.decoder, 1)
        runs[conv, count, batch, "frame"] = functools.partial(pinned, cpus, engine.frames, batch)
    for run in runs.values():
        run()  # warms up
    turns = Rounds(runs, n, cores)
    rows, table, groups = [], [], collections.defaultdict(dict)
    for (conv, count, batch, part), ms in turns.ms.items():
        first = next(key for key in turns.ms if key[3] == part)
        r = compared(ms, turns.ms[first])
        rows.append({"conv": conv, "threads": count, "batch": batch, "part": part} | r)
        table.append([part, conv, f"{count}", f"{batch}", f"{r['min_ms']:.4g}", f"{r['median_ms']:.4g}", f"{1 / r['ratio']:.2f}"])
        groups[part][f"{conv}, {count} thr., batch {batch}"] = r["min_ms"], r["median_ms"]
    text = markdown(["part", "convolutions", "threads", "batch", "min ms a frame", "median ms", "speed to the first"], sorted(table, key=lambda row: PARTS.index(row[0]))) + f"\n{turns.sentence()}\n"
    return {"rows": rows, "rounds": turns.facts()}, text, plot.bars("libliax: time of a frame, whisker from the minimum", "ms a frame", groups)


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--scale", type=float, default=0.5)
    ap.add_argument("--size", type=int, default=512)
    ap.add_argument("--threads", default=",".join(dict.fromkeys(("1", str(len(os.sched_getaffinity(0)))))), help="numbers of threads; kernels and layers take the largest")
    ap.add_argument("--batches", default="1,4", help="frames together")
    ap.add_argument("--conv", default="auto", help="algorithms of convolutions, as in auto,direct; layers take the first")
    ap.add_argument("--only", default="kernels,layers,frames")
    ap.add_argument("--seconds", type=float, default=0.5, help="for each kernel")
    rounds.add_options(ap, 10)
    ap.add_argument("--out", type=pathlib.Path, default=WORK / "bench", help="of the files, without their endings")
    args = ap.parse_args()
    threads, batches, convs, only = ([*map(int, args.threads.split(","))], [*map(int, args.batches.split(","))], args.conv.split(","), args.only.split(","))

    model = make_model(args.size, args.scale)
    cores = Cores(max(threads), args.free, args.wait)
    devices = json.loads("\n".join(program(cores.cpus, BUILD / "bin" / "liax", "devices", "--json")))
    level = next(d["level"] for d in devices if d["id"] == "cpu")
    facts = {"machine": rounds.machine(), "size": args.size, "scale": args.scale}
    text, plots = f"S={args.size} s={args.scale}, f32; {facts['machine']['processor']}, {facts['machine']['date']}, {facts['machine']['commit']}\n", {}
    if "kernels" in only:
        (facts["kernels"], table), probe = cores.around(lambda: kernels(cores.cpus, level, args.seconds))
        text += f"\n## Kernels, {max(threads)} threads\n\n{table}\n{probe}\n"
    if "layers" in only:
        (facts["layers"], table, plots["roofline"]), probe = cores.around(lambda: layers(cores.cpus, model, convs[0], 5))
        text += f"\n## Layers, {max(threads)} threads\n\n{table}\n{probe}\n"
    if "frames" in only:
        facts["frames"], table, plots["frames"] = frames(cores, model, threads, batches, convs, args.rounds)
        text += f"\n## Frames\n\n{table}"
    facts["probe"] = cores.facts()
    rounds.write(args.out, facts, text, plots)


main()
