#!/usr/bin/env python3
"""How fast libliax is on this machine's GPU: frames, layers beside the matrix product of the same run, and PyTorch where it is.

    tests/gpu/bench.py [FOLDER] [--scales 2,0.5] [--size 512] [--batches 1,8] [--frames 100] [--warm 20]
                       [--seconds 570]

FOLDER (build/gpu) is what `make gpu-tests` made, here or elsewhere. Writes FOLDER/bench.json and FOLDER/bench.md; what could not be
measured stays blank, and why is told. After --seconds all is over: what runs is ended, what is left is not begun, and the report says
so. `make gpu-bench` runs it. Layers are computed by cuDNN and
cuBLASLt, too (LIAX_CONV=cudnn); LIAX_CONV= leaves them out.
"""
from __future__ import annotations

import argparse
import collections
import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ap.add_argument("folder", nargs="?", type=pathlib.Path, default=pathlib.Path("build/gpu"))
ap.add_argument("--scales", default="2,0.5")
ap.add_argument("--size", type=int, default=512)
ap.add_argument("--batches", default="1,8", help="frames together")
ap.add_argument("--frames", type=int, default=100, help="to time, of each kind")
ap.add_argument("--warm", type=int, default=20, help="frames before those")
ap.add_argument("--seconds", type=float, default=570, help="in all")
args = ap.parse_args()
FOLDER = args.folder.resolve()
os.environ["LIAX_BUILD"] = str(FOLDER)  # where tests/bench looks
sys.path.insert(0, str(HERE.parent / "bench"))
import rounds  # noqa: E402: found there
from rounds import WORK, markdown  # noqa: E402

END = time.monotonic() + args.seconds
missing: list[str] = []  # what was not measured, and why


def left() -> float:
    return END - time.monotonic()


def environment() -> dict[str, str]:
    """With the libraries of FOLDER, and those that come with PyTorch; asking for the second opinion, unless LIAX_CONV is set empty."""
    folders = [FOLDER / "lib", *(lib for path in sys.path for lib in pathlib.Path(path).glob("nvidia/*/lib")), os.environ.get("LD_LIBRARY_PATH", "")]
    return {"LIAX_CONV": "cudnn"} | os.environ | {"LD_LIBRARY_PATH": ":".join(map(str, folders))}


def output(what: str, limit: float, *words) -> str | None:
    """What a program says; None, with its reason among those missing, where it fails or takes too long. Then it is ended, and all that
    it has begun, so that nothing computes beside what comes next."""
    limit = min(limit, left())
    if limit < 5:
        missing.append(f"{what}: the time was up")
        return None
    try:
        process = subprocess.Popen([str(w) for w in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True)
    except OSError as e:
        missing.append(f"{what}: {e}")
        return None
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        missing.append(f"{what}: not done within {limit:.0f} s")
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode == 0:
        return out
    said = (err.strip() or out.strip() or f"status {process.returncode}").splitlines()
    missing.append(f"{what}: {said[-1]}")
    return None


def device() -> dict | None:
    if not (FOLDER / "bin" / "device_facts").exists():
        missing.append(f"all: {args.folder} has no programs: `make gpu-tests` makes them where nvcc is")
        return None
    out = output("all", 60, FOLDER / "bin" / "device_facts", FOLDER / "lib")
    return json.loads(out) if out else None


def clocks() -> str:
    query = "--query-gpu=driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw"
    try:
        return subprocess.run(["nvidia-smi", query, "--format=csv,noheader"], capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def make_model(scale: float) -> pathlib.Path | None:
    """The container that peers.py takes, too."""
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"peers_{args.size}_{round(1000 * scale)}.liax"
    if path.exists() or output(f"model of s={scale}", 200, FOLDER / "bin" / "liax-synth", "--size", args.size, "--scale", scale, "--motions", 40, path) is not None:
        return path
    return None


# ---- frames

def frames(scale: float, model: pathlib.Path) -> list[dict]:
    """Whole frames, and their parts, by batch (bench_frames.py)."""
    rows = []
    for batch in args.batches.split(","):
        seconds = min(100, left())
        out = output(f"frames of s={scale:g}, batch {batch}", seconds, sys.executable, HERE / "bench_frames.py", model, batch, args.frames, args.warm, seconds - 5)
        rows += [{"scale": scale} | row for row in json.loads(out or "[]")]
    return rows


def frames_table(rows: list[dict]) -> str:
    table = [[f"{r['scale']:g}", r["part"], f"{r['batch']}", f"{r['ms']:.3f}", f"{r['p10']:.3f}", f"{r['p90']:.3f}", f"{r['fps']:.1f}", f"{r['first_frame_s']:.1f}"] for r in rows]
    return markdown(["s", "part", "batch", "median ms", "p10", "p90", "a second", "first frame, s"], table)


# ---- layers

def layers_table(facts: dict) -> str:
    """Layers of one kernel and shape together."""
    groups, peak = collections.defaultdict(list), facts["matmul_tflops"]
    for layer in facts["layers"]:
        groups[layer["kernel"], layer["algorithm"], layer["k"], *layer["shape"]].append(layer)
    table, whole = [], 0.0
    for (kernel, algorithm, k, ci, co, h, w), rows in sorted(groups.items(), key=lambda kv: (kv[0][0], kv[0][5], kv[0][3])):
        first, profiled = rows[0], sum(r["profiled_ms"] for r in rows)
        if not first["ours"]:
            table.append([kernel, algorithm, "", f"{len(rows)}", f"{profiled:.3f}", "", "", "", "", ""])
            whole += profiled
            continue
        ms = first["ours"]["ms"]
        tflops = 1e-9 * first["flops"] / ms
        whole += ms * len(rows)
        times = [f"{first[peer]['ms'] / ms:.2f}" if first[peer] else "" for peer in ("cudnn", "cublaslt")]
        table.append([f"{kernel} {k}x{k}", algorithm, f"{ci}>{co} {h}x{w}", f"{len(rows)}", f"{profiled:.3f}", f"{1e3 * ms:.1f}", f"{tflops:.1f}",
                      f"{tflops / peak:.0%}" if peak else "", *times])
    head = ["kernel", "algorithm", "shape", "layers", "profiled ms, all", "us, one", "TFLOP/s", "of the product", "cuDNN: times as long", "cuBLASLt"]
    size = facts["matmul_size"]
    product = f"Matrix product of {size}, f16, cuBLASLt: {peak:.0f} TFLOP/s. " if peak else f"Matrix product: not measured ({facts['no_cublaslt']}). "
    sums = f"Sum of all layers: {whole:.3f} ms; those without a time of their own are the profile's, which waits after each. "
    theirs = [layer[peer]["difference"] for layer in facts["layers"] for peer in ("cudnn", "cublaslt") if layer[peer]]
    if theirs:
        sums += f"Outputs of cuDNN and cuBLASLt differ from ours by at most {max(theirs):.2f} of what rounding allows. "
    return markdown(head, table) + f"\n{product}f32 multiply-adds: {facts['fma_tflops']:.1f} TFLOP/s. {sums}\n" + (f"cuDNN: {facts['no_cudnn']}\n" if facts["no_cudnn"] else "")


def layers(scale: float, model: pathlib.Path) -> dict | None:
    out = output(f"layers of s={scale}", 180, FOLDER / "bin" / "bench_layers", model, FOLDER / "lib")
    return json.loads(out) if out else None


# ---- peers

def peers(scale: float, engines: list[str]) -> dict | None:
    """Engines in turns, libliax first (tests/bench/peers.py); all begin with what is in the GPU's memory and end in the host's."""
    name = f"peers_{round(1000 * scale)}_{engines[-1]}"
    out = output(f"{', '.join(engines)} at s={scale}", 240, sys.executable, HERE.parent / "bench" / "peers.py", "--scale", scale, "--size", args.size, "--precision", "f16",
                 "--engines", ",".join(engines), "--threads", 1, "--free", 0, "--rounds", 20, "--out", WORK / name)
    if out is None:
        return None
    facts = json.loads((WORK / f"{name}.json").read_text())
    facts["table"] = (WORK / f"{name}.md").read_text()
    missing.extend(f"s={scale}: {line}" for line in out.splitlines() if "cannot run" in line)
    return facts


def main() -> None:
    facts = {"machine": rounds.machine(), "gpu": device(), "size": args.size, "frames": [], "layers": {}, "peers": []}
    scales, text = [*map(float, args.scales.split(","))], ""
    if facts["gpu"]:
        facts["clocks_before"] = clocks()
        models = {scale: model for scale in sorted(scales) if (model := make_model(scale))}
        for scale, model in models.items():
            facts["frames"] += frames(scale, model)
        text += f"\n## Frames, f16, with copies from and to the host\n\n{frames_table(facts['frames'])}"
        for scale, model in sorted(models.items(), reverse=True):
            if found := layers(scale, model):
                facts["layers"][f"{scale:g}"] = found
                text += f"\n## Layers, s={scale:g}\n\n{layers_table(found)}"
        if importlib.util.find_spec("torch"):
            turns = [(scale, ["liax-cuda", "torch-cuda", "torch-cuda-graph"]) for scale in models] + [(max(scales), ["liax-cuda", "torch-cuda-compile"])]
            for scale, engines in turns:
                if found := peers(scale, engines):
                    facts["peers"].append(found)
                    text += f"\n## Beside others, s={scale:g}\n\n{found['table']}"
        else:
            missing.append("PyTorch: this Python has none")
        facts["clocks_after"] = clocks()
    facts["not_measured"] = missing
    head = f"{facts['gpu']['name'] if facts['gpu'] else 'no GPU'}, S={args.size}; {facts['machine']['date']}, {facts['machine']['commit']}\n"
    if facts["gpu"]:
        head += f"\ndriver, clocks of processors and memory, degrees, watts: {facts['clocks_before'] or 'not known'} before, {facts['clocks_after'] or 'not known'} after\n"
    if missing:
        text += "\n## Not measured\n\n" + "".join(f"- {what}\n" for what in missing)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rounds.write(FOLDER / "bench", facts, head + text, {})


main()
