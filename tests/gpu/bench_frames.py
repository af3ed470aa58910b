"""Whole frames of one model on this machine's GPU, as JSON: started by bench.py in a process of its own, which can be ended.

    bench_frames.py MODEL BATCH FRAMES WARM SECONDS

FRAMES are timed of each kind after WARM that are not, 8-bit RGB of the host's in and out, three driving pictures in turns. After
SECONDS no more are begun.
"""
from __future__ import annotations

import json
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from liax import Liax  # noqa: E402: found there
from rounds import timed  # noqa: E402


def percentiles(ms: list[float]) -> dict:
    ms = sorted(ms)
    return {"ms": ms[len(ms) // 2], "p10": ms[len(ms) // 10], "p90": ms[-1 - len(ms) // 10]}


def main(model: str, batch: int, frames: int, warm: int, seconds: float) -> None:
    opened = time.monotonic()
    engine = Liax(pathlib.Path(model), sorted(os.sched_getaffinity(0)), batch, device="cuda")
    engine.draw_bytes()
    pictures = [random.randbytes(3 * engine.size ** 2) for _ in range(4)]
    driving = [engine.image(p) for p in pictures[1:]]
    engine.start(pictures[0], pictures[1])
    engine.frames()
    first = time.monotonic() - opened
    parts = {"frame": (engine.frames, batch)}
    if batch == 1:
        parts |= {"encoder": (engine.encoder, 1), "decoder": (engine.decoder, 1)}
    rows = []
    for part, (run, share) in parts.items():
        ms = []
        for i in range(-warm, frames):
            if i * share >= frames or time.monotonic() > opened + seconds:
                break
            engine.driving = driving[i % 3]
            took = timed(run) / share
            if i >= 0:
                ms.append(took)
        if ms:
            rows.append({"batch": batch, "part": part, "frames": len(ms) * share, "first_frame_s": first} | percentiles(ms) | {"fps": 1e3 / percentiles(ms)["ms"]})
    engine.close()
    print(json.dumps(rows))


main(sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5]))
