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
# How much of the renderer's own range the training motions use: of the pose what 99 % of its clips' frames need.
SPREAD = np.array([.65, .5, .4, .3, .2, .25, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], np.float32)
POSE = 6  # the first six move the head, the others the face
FACE, EYES, BROWS, MOUTH, HAIR, BODY, IRIS, INSIDE = 1, 2, 4, 8, 16, 32, 64, 128  # inside: of the mouth
TRAITS = 24  # width ... cheekbone
HELD_OUT = 1000  # identities 0..999 are never trained on

# Motion id of each label, its gain and its centre: alpha = gain * (value - centre). The ids mean what they mean in the
# released model; 0..4 have no published meaning.
LABELS = (  # name, id, gain, centre
    ("yaw", 37, 1.0, 0), ("pitch", 28, 2.0, 0), ("roll", 15, 2.25, 0), ("x", 0, 6.0, 0), ("y", 1, 9.0, 0),
    ("scale", 2, 9.0, 0), ("jaw", 25, -0.8, 0.4), ("smile", 19, 0.45, 0), ("pout", 6, 0.8, 0.3), ("oh", 16, 0.8, 0.3),
    ("cheeks", 4, 0.8, 0.3), ("blink", 13, -0.8, 0.4), ("wink", 3, 0.4, 0), ("brows", 24, 0.4, 0), ("gaze-x", 17, 0.4, 0),
    ("gaze-y", 26, 0.4, 0))
IDS = [row[1] for row in LABELS]
FREE_IDS = [i for i in range(40) if i not in IDS]  # along their directions the latent holds the traits
# How much a label's error weighs: about as much as it moves in the picture.
LABEL_WEIGHT = torch.tensor([1.5, 1.2, .8, .6, .6, .5, .6, .5, .4, .4, .4, .6, .4, .5, .5, .5])


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
        self.size, self.boards = size, [lib.portrait_board_new(size, size, aa) for _ in range(3)]
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

    @staticmethod
    def traits(identity) -> np.ndarray:
        """The lengths and shapes that tell a face: the first values of the renderer's struct."""
        return np.frombuffer(identity, np.float32, TRAITS).copy()

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

    def flow(self, here: int = 1, there: int = 0):
        """From the picture on board `here` (the target) to the one on board `there` (the source): flow [2,S,S], seen [S,S]."""
        flow, seen = np.empty((2, self.size, self.size), np.float32), np.empty((self.size, self.size), np.float32)
        self.lib.portrait_flow(self.boards[here], self.boards[there], flow.ctypes.data, seen.ctypes.data)
        return flow, seen


def to_tensor(rgb: np.ndarray) -> Tensor:
    """uint8 [B,S,S,3] -> float [B,3,S,S] in [-1,1], channels last in memory."""
    return torch.from_numpy(rgb).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


class Stream:
    """Batches drawn by a thread of its own: the renderer runs outside Python's lock. A batch is N pairs of pictures, each
    of one person: picture 2i and 2i+1 [2N,...] `img`, `lab`, `motion`; `flow`, `seen`: where its points are in the other of
    the pair; `rest`, `rest_seen`: where in the person's picture at rest. In the share `same_pose` of the
    pairs the face alone moves."""

    def __init__(self, size: int, pairs: int, seed: int, aa: int = 2, same_pose: float = 0, depth: int = 3):
        self.size, self.aa, self.pairs, self.same_pose = size, aa, pairs, same_pose
        self.rng = np.random.default_rng(seed)
        self.queue: queue.Queue = queue.Queue(depth)
        threading.Thread(target=self.work, daemon=True).start()

    def seed(self) -> int:
        return int(self.rng.integers(HELD_OUT, 1 << 62))

    def pair(self, r: Renderer):
        who = r.identity(self.seed())
        r.draw(who, np.zeros(16, np.float32), 2)
        motions = [r.random_motion(self.seed()) for _ in range(2)]
        if self.rng.random() < self.same_pose:
            motions[1][:POSE] = motions[0][:POSE]
        drawn = [r.draw(who, m, i, True) for i, m in enumerate(motions)]
        for i in range(2):
            yield (*drawn[i], motions[i], r.traits(who), *r.flow(i, 1 - i), *r.flow(i, 2))

    def work(self):
        r = Renderer(self.size, self.aa)
        while True:
            rows = [np.stack(c) for c in zip(*(one for _ in range(self.pairs) for one in self.pair(r)))]
            out = dict(zip(("img", "lab", "motion", "traits", "flow", "seen", "rest", "rest_seen"), map(torch.from_numpy, rows)))
            out["img"] = to_tensor(rows[0])
            self.queue.put(out)

    def __next__(self):
        return self.queue.get()
