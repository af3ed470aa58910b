"""Measuring in turns, A B C A B C, on cores that are free.

Before and after every round a probe runs multiply-adds on all cores at once: if they do not reach a share (95 %) of so many
times what one core reached alone, somebody else computes here; then the round is left out and counted, and the next waits.
"""
from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LIAX_BUILD", ROOT / "build")).resolve()
WORK = BUILD / "bench"
PROBE_SECONDS = 0.3


def add_options(ap: argparse.ArgumentParser, rounds: int) -> None:
    ap.add_argument("--rounds", type=int, default=rounds, help="to keep")
    ap.add_argument("--free", type=float, default=0.95, help="share of the probe's rate that free cores reach; 0 keeps every round")
    ap.add_argument("--wait", type=float, default=30, help="seconds to wait for free cores before a round is given up")


class Cores:
    """The first `threads` CPUs of this process, to which all that is measured is pinned."""

    def __init__(self, threads: int, free: float, wait: float):
        allowed = sorted(os.sched_getaffinity(0))
        if threads > len(allowed):
            sys.exit(f"{threads} threads: only {len(allowed)} CPUs are allowed to this process")
        self.cpus, self.free, self.wait = allowed[:threads], free, wait
        self.one = max(self.rates([cpu])[0] for cpu in self.cpus for _ in range(2))
        self.probes: list[float] = []

    @staticmethod
    def rates(cpus: list[int]) -> list[float]:
        out = subprocess.run([BUILD / "tests" / "bench" / "probe", str(PROBE_SECONDS), *map(str, cpus)], check=True, capture_output=True)
        return json.loads(out.stdout)

    def are_free(self) -> bool:
        rates = self.rates(self.cpus)
        self.one = max(self.one, *rates)  # alone or not, a core can do what it did
        self.probes.append(sum(rates) / (len(rates) * self.one))
        return self.probes[-1] >= self.free

    def wait_until_free(self) -> bool:
        end = time.monotonic() + self.wait
        while not self.are_free():
            if time.monotonic() > end:
                return False
            time.sleep(1)
        return True

    def around(self, run: Callable[[], object]) -> tuple[object, str]:
        """What a program gives that keeps minima of its own, and a sentence on the cores before and after it."""
        self.wait_until_free()
        before, result = self.probes[-1], run()
        self.are_free()
        return result, f"The probe reached {before:.0%} of free cores' rate before, {self.probes[-1]:.0%} after."

    def facts(self) -> dict:
        return {"cpus": self.cpus, "free_share": self.free, "one_thread_gflops": self.one, "shares": self.probes}


def steal() -> tuple[float, float]:
    """Time that the hypervisor gave to others, and all time, of all CPUs since they started."""
    ticks = [int(x) for x in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[7], sum(ticks)


class Rounds:
    """Runs that take turns, each giving its milliseconds; `ms` has one value a kept round."""

    def __init__(self, runs: dict[str, Callable[[], float]], rounds: int, cores: Cores):
        self.ms: dict[str, list[float]] = {name: [] for name in runs}
        self.kept = self.discarded = 0
        stolen, all_time = steal()
        free = cores.are_free()
        while self.kept < rounds and self.discarded < 2 * rounds:
            row = {}
            if free or cores.wait_until_free():
                row = {name: run() for name, run in runs.items()}
                free = cores.are_free()
            if not row or not free:
                self.discarded += 1
                continue
            self.kept += 1
            for name, ms in row.items():
                self.ms[name].append(ms)
        self.steal = (steal()[0] - stolen) / max(1, steal()[1] - all_time)
        if not self.kept:
            sys.exit(f"the cores were not free in any of {self.discarded} rounds (probes: {min(cores.probes):.0%} to {max(cores.probes):.0%} of the rate "
                     f"of free ones, {cores.free:.0%} wanted); --free 0 measures nevertheless")

    def facts(self) -> dict:
        return {"kept": self.kept, "discarded": self.discarded, "steal": self.steal}

    def sentence(self) -> str:
        return f"{self.kept} rounds in turns, {self.discarded} left out because the cores were not free; steal {self.steal:.1%}"


def timed(run: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    run()
    return 1e3 * (time.perf_counter() - began)


def compared(ms: list[float], base: list[float]) -> dict:
    """What rounds come to: minimum, median, and the median over rounds of the ratio to `base`."""
    return {"min_ms": min(ms), "median_ms": statistics.median(ms), "ratio": statistics.median(a / b for a, b in zip(ms, base)), "ms": ms}


def machine() -> dict:
    names = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return {"processor": names[0] if names else "", "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "commit": commit}


def markdown(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def write(stem: pathlib.Path, facts: dict, text: str, plots: dict[str, str]) -> None:
    """STEM.json, STEM.md and the plots STEM-NAME.svg; the text is printed as well."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    stem.with_suffix(".md").write_text(text)
    names = [stem.with_name(f"{stem.name}-{name}.svg") for name in plots]
    for path, plot in zip(names, plots.values()):
        path.write_text(plot)
    print(text)
    print("written:", *(os.path.relpath(p) for p in (stem.with_suffix(".json"), stem.with_suffix(".md"), *names)))
