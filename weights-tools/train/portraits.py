"""The drawn portraits as training data: a ctypes binding of the renderer in examples/portrait.

Build the library first:
    cc -std=c11 -O2 -fPIC -shared -ffp-contract=off examples/portrait/portrait_*.c -o build/libportrait_draw.so -lm
"""
from __future__ import annotations

import ctypes
import os
import queue
import threading

import numpy as np
import torch
from torch import Tensor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARY = os.environ.get("PORTRAIT_LIBRARY", os.path.join(ROOT, "build", "libportrait_draw.so"))

NAMES = ("yaw", "pitch", "roll", "x", "y", "scale", "jaw", "smile", "pout", "oh", "cheeks", "blink-left", "blink-right",
         "brows", "gaze-x", "gaze-y")
# How much of the renderer's own range the training motions use.
SPREAD = np.array([.65, .7, .5, .35, .35, .5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], np.float32)
FACE, EYES, BROWS, MOUTH, HAIR, BODY = 1, 2, 4, 8, 16, 32
HELD_OUT = 1000  # identities 0..999 are never trained on

# Motion id of each label, its gain and its centre: alpha = gain * (value - centre). The ids mean what they mean in the
# released model; 0..4 have no published meaning.
LABELS = (  # name, id, gain, centre
    ("yaw", 37, 1.0, 0), ("pitch", 28, 1.4, 0), ("roll", 15, 1.8, 0), ("x", 0, 5.0, 0), ("y", 1, 5.0, 0),
    ("scale", 2, 4.5, 0), ("jaw", 25, -0.8, 0.4), ("smile", 19, 0.45, 0), ("pout", 6, 0.8, 0.3), ("oh", 16, 0.8, 0.3),
    ("cheeks", 4, 0.8, 0.3), ("blink", 13, -0.8, 0.4), ("wink", 3, 0.4, 0), ("brows", 24, 0.4, 0), ("gaze-x", 17, 0.4, 0),
    ("gaze-y", 26, 0.4, 0))
IDS = [row[1] for row in LABELS]


def to_labels(motion: Tensor) -> Tensor:
    """Renderer motions [B,16] -> label values [B,16] in the order of LABELS."""
    m = motion.clone()
    left, right = motion[:, 11], motion[:, 12]
    m[:, 11], m[:, 12] = (left + right) / 2, right - left
    gain, centre = (torch.tensor([row[i] for row in LABELS], dtype=motion.dtype) for i in (2, 3))
    return gain * (m - centre)


class Renderer:
    def __init__(self, size: int, aa: int = 2):
        self.lib = lib = ctypes.CDLL(LIBRARY)
        lib.portrait_board_new.restype = ctypes.c_void_p
        lib.portrait_board_free.argtypes = [ctypes.c_void_p]
        lib.portrait_identity.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        lib.portrait_motion_random.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_float]
        lib.portrait_motion_clip.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int, ctypes.c_float]
        lib.portrait_draw.argtypes = [ctypes.c_void_p] * 4
        lib.portrait_labels.argtypes = [ctypes.c_void_p] * 2
        lib.portrait_flow.argtypes = [ctypes.c_void_p] * 4
        self.size, self.boards = size, [lib.portrait_board_new(size, size, aa) for _ in range(2)]
        if not all(self.boards):
            raise MemoryError("portrait_board_new")
        self.id_bytes = lib.portrait_identity_bytes()

    def __del__(self):
        for b in getattr(self, "boards", ()):
            self.lib.portrait_board_free(b)

    def identity(self, seed: int):
        buf = ctypes.create_string_buffer(self.id_bytes)
        self.lib.portrait_identity(buf, seed)
        return buf

    def random_motion(self, seed: int, amount: float = 1.0) -> np.ndarray:
        m = np.zeros(16, np.float32)
        self.lib.portrait_motion_random(m.ctypes.data, seed, amount)
        return m * SPREAD

    def clip_motion(self, seed: int, frame: int, fps: float = 25) -> np.ndarray:
        m = np.zeros(16, np.float32)
        self.lib.portrait_motion_clip(m.ctypes.data, seed, frame, fps)
        return m

    def draw(self, identity, motion: np.ndarray, board: int = 0, labels: bool = False):
        rgb = np.empty((self.size, self.size, 3), np.uint8)
        m = np.ascontiguousarray(motion, np.float32)
        self.lib.portrait_draw(self.boards[board], identity, m.ctypes.data, rgb.ctypes.data)
        if not labels:
            return rgb
        lab = np.empty((self.size, self.size), np.uint8)
        self.lib.portrait_labels(self.boards[board], lab.ctypes.data)
        return rgb, lab

    def flow(self):
        """From the picture on board 1 (target) to the one on board 0 (source): flow [2,S,S], seen [S,S]."""
        flow, seen = np.empty((2, self.size, self.size), np.float32), np.empty((self.size, self.size), np.float32)
        self.lib.portrait_flow(self.boards[1], self.boards[0], flow.ctypes.data, seen.ctypes.data)
        return flow, seen


def to_tensor(rgb: np.ndarray) -> Tensor:
    """uint8 [B,S,S,3] -> float [B,3,S,S] in [-1,1], channels last in memory."""
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


class Stream:
    """Batches drawn by a thread of its own: the renderer runs outside Python's lock."""

    def __init__(self, size: int, batch: int, seed: int, pairs: bool = True, amount=lambda: 1.0, depth: int = 3):
        self.size, self.batch, self.pairs, self.amount = size, batch, pairs, amount
        self.rng = np.random.default_rng(seed)
        self.queue: queue.Queue = queue.Queue(depth)
        threading.Thread(target=self.work, daemon=True).start()

    def seed(self) -> int:
        return int(self.rng.integers(HELD_OUT, 1 << 62))

    def one(self, r: Renderer):
        who, amount = r.identity(self.seed()), self.amount()
        ms = r.random_motion(self.seed())
        src, lab_s = r.draw(who, ms, 0, True)
        if not self.pairs:
            return src, ms, lab_s
        mt = r.random_motion(self.seed())
        if amount < 1:
            mt = ms + amount * (mt - ms)
        tgt, lab = r.draw(who, mt, 1, True)
        return (src, ms, lab_s, tgt, mt, lab, *r.flow())

    def work(self):
        r = Renderer(self.size)
        while True:
            cols = list(zip(*(self.one(r) for _ in range(self.batch))))
            out = {}
            for name, col in zip(("src", "ms", "lab_s", "tgt", "mt", "lab", "flow", "seen"), cols):
                a = np.stack(col)
                out[name] = to_tensor(a) if name in ("src", "tgt") else torch.from_numpy(a)
            self.queue.put(out)

    def __next__(self):
        return self.queue.get()
