"""libliax beside the engines that a user would otherwise take: PyTorch, ONNX Runtime, OpenVINO, ncnn; on this CPU.

    tests/bench/peers.py [--size 512] [--scale 0.5 | --widths w4,w8,... | --checkpoint FILE] [--threads 2] [--precision f32] [--isa native]
                         [--parts encoder,decoder] [--engines liax,torch,...] [--rounds 10] [--out STEM]

Every engine gets the same model, made up (liax-synth) or a file's, and runs in a process of its own. Outputs are compared first, with the network in
float64; then the engines take turns. Writes STEM.json, STEM.md and a plot. `make bench-peers` runs it; LIAX_BUILD names the build folder.
"""
from __future__ import annotations

import argparse
import functools
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time

import plot
import rounds
from peer_files import PARTS, Files
from rounds import WORK, Cores, Rounds, compared, markdown

CUDA = ("liax-cuda", "torch-cuda", "torch-cuda-graph", "torch-cuda-compile")  # on a GPU, in f16
PACKAGES = {**{name: "torch" for name in CUDA[1:]}, "torch": "torch", "torch-channels-last": "torch", "torch-compile": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn"}
TORCH_AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
# what keeps each engine to AVX2; ONNX Runtime and ncnn have no such switch
AVX2 = {"liax": {"LIAX_CPU": "avx2"}, "torch": TORCH_AVX2, "torch-channels-last": TORCH_AVX2, "torch-compile": TORCH_AVX2,
        "openvino": {"ONEDNN_MAX_CPU_ISA": "AVX2", "OV_CPU_MAX_ISA": "AVX2"}}
PAUSE = 0.1  # seconds: threads of the engine before may still spin


class Peer:
    """An engine in its process (peer_worker.py)."""

    def __init__(self, engine: str, args: argparse.Namespace, cpus: list[int]):
        spec = {"engine": engine, "cpus": cpus, "precision": args.precision, "parts": args.parts, "model": args.model}
        env = os.environ | {"OMP_NUM_THREADS": str(len(cpus))} | (AVX2.get(engine, {}) if args.isa == "avx2" else {})
        self.process = subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("peer_worker.py"), json.dumps(spec)], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(WORK / f"{engine}.log", "w"))
        self.facts = self.answer() or {"failed": f"it crashed; see {WORK / f'{engine}.log'}"}

    def answer(self):
        return json.loads(self.process.stdout.readline() or "null")

    def run(self, part: str) -> float:
        time.sleep(PAUSE)
        print(part, file=self.process.stdin, flush=True)
        return self.answer()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def has_avx512() -> bool:
    return " avx512f " in pathlib.Path("/proc/cpuinfo").read_text()


def start(args: argparse.Namespace, cpus: list[int]) -> dict[str, Peer]:
    """The engines that can run; the others are told."""
    peers = {}
    for engine in args.engines:
        if args.isa == "avx2" and engine not in AVX2 and has_avx512():
            print(f"{engine}: left out, it cannot be kept to AVX2", flush=True)
            continue
        peer = Peer(engine, args, cpus)
        if "failed" in peer.facts:
            print(f"{engine}: cannot run: {peer.facts['failed']}", flush=True)
            peer.close()
            continue
        peers[engine] = peer
        print(f"{engine}: largest error " + ", ".join(f"{part} {e:.1e}" for part, e in peer.facts["errors"].items()), flush=True)
    if not peers:
        sys.exit("no engine can run this")
    return peers


def measure(args: argparse.Namespace, cores: Cores, peers: dict[str, Peer]) -> tuple[Rounds, dict[str, dict[str, list[float]]]]:
    """Milliseconds of every kept round by part and engine; the frame is all parts that were measured."""
    turns = Rounds({(part, name): functools.partial(peer.run, part) for name, peer in peers.items() for part in args.parts}, args.rounds, cores)
    ms = {part: {name: turns.ms[part, name] for name in peers} for part in args.parts}
    if len(args.parts) > 1:
        ms["frame"] = {name: [sum(parts) for parts in zip(*(ms[part][name] for part in args.parts))] for name in peers}
    return turns, ms


def report(args: argparse.Namespace, cores: Cores, peers: dict[str, Peer], turns: Rounds, ms: dict) -> None:
    base = next(iter(peers))
    versions = {name: importlib.metadata.version(PACKAGES[name]) for name in peers if name in PACKAGES}
    facts = {"machine": rounds.machine(), "model": args.model, "threads": args.threads, "precision": args.precision, "isa": args.isa,
             "versions": versions, "base": base, "probe": cores.facts(), "rounds": turns.facts(),
             "engines": {name: peer.facts | {part: compared(ms[part][name], ms[part][base]) for part in ms} for name, peer in peers.items()}}
    last = list(ms)[-1]  # which the table is sorted by
    table, groups = [], {part: {} for part in ms}
    for name in sorted(peers, key=lambda name: facts["engines"][name][last]["ratio"]):
        row, cells = facts["engines"][name], []
        for part in ms:
            r = row[part]
            cells += [f"{r['min_ms']:.4g}", f"{r['median_ms']:.4g}", f"{r['ratio']:.2f}"]
            groups[part][name] = r["min_ms"], r["median_ms"]
        table.append([f"{name} {versions.get(name, '')}".strip(), *cells, f"{row['load_ms'] / 1e3:.1f}", f"{row['peak_mb']:.0f}", f"{row['imported_mb']:.0f}",
                      f"{max(row['errors'].values()):.0e}"])
    head = ["engine", *(f"{part} {what}" for part in ms for what in ("min ms", "median", "ratio")), "first frame, s", "peak MB", "of it imports", "error"]
    text = (f"{args.title}, {args.precision}, {args.isa} instructions, {args.threads} threads; {facts['machine']['processor']}, "
            f"{facts['machine']['date']}, {facts['machine']['commit']}\n\n{markdown(head, table)}\n"
            f"{turns.sentence()}. Ratio: median over rounds of the time over {base}'s. First frame: with loading, without imports. "
            "Error: largest, in shares of the largest value, against float64.\n")
    rounds.write(args.out, facts, text, {"time": plot.bars(f"{args.title}, {args.precision}, {args.threads} threads: whisker from the minimum", "ms", groups)})


def main() -> None:
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--size", type=int, default=512)
    shape = ap.add_mutually_exclusive_group()
    shape.add_argument("--scale", type=float, default=0.5, help="channel multiplier of a made-up model")
    shape.add_argument("--widths", help="its channels at 4x4, 8x8, ... instead")
    shape.add_argument("--checkpoint", help="a trained model instead, of safetensors; it has its own size")
    ap.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    ap.add_argument("--precision", choices=("f32", "bf16", "f16"), default="f32")
    ap.add_argument("--isa", choices=("native", "avx2"), default="native", help="avx2 keeps engines to AVX2 where they can do more")
    ap.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS))
    ap.add_argument("--engines", type=lambda text: text.split(","), default=["liax", "torch", "torch-channels-last", "onnxruntime", "openvino", "ncnn"],
                    help=f"and torch-compile; or, with --precision f16, on a GPU: {', '.join(CUDA)}; ratios are to the first")
    rounds.add_options(ap, 10)
    ap.add_argument("--out", type=pathlib.Path, default=WORK / "peers", help="of the files, without their endings")
    args = ap.parse_args()
    args.model = {"checkpoint": args.checkpoint} if args.checkpoint else {"size": args.size} | ({"widths": args.widths} if args.widths else {"scale": args.scale})
    args.title = Files(args.model).title

    # in a process of its own, so that nothing of PyTorch stays in this one
    device = "cuda" if set(args.engines) & set(CUDA) else "cpu"
    subprocess.run([sys.executable, pathlib.Path(__file__).with_name("peer_model.py"), json.dumps(args.model), device], check=True)
    cores = Cores(args.threads, args.free, args.wait)
    peers = start(args, cores.cpus)
    report(args, cores, peers, *measure(args, cores, peers))
    for peer in peers.values():
        peer.close()


main()
