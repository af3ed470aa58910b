"""Where the made-up model of one size and scale lies in every engine's format, and its inputs."""
from __future__ import annotations

import pathlib

import numpy as np

from rounds import WORK

PARTS = ("encoder", "decoder")


class Files:
    def __init__(self, size: int, scale: float):
        self.tag = f"{size}_{round(scale * 1000)}"  # pnnx makes underscores of all signs but letters and digits
        self.container, self.checkpoint, self.data = (WORK / f"peers_{self.tag}{end}" for end in (".liax", ".safetensors", ".npz"))

    def onnx(self, part: str) -> pathlib.Path:
        return WORK / f"{part}_{self.tag}.onnx"

    def ncnn(self, part: str, end: str) -> pathlib.Path:
        return WORK / f"{part}_{self.tag}.ncnn.{end}"

    def inputs(self, part: str) -> list[np.ndarray]:
        """What an engine's part takes: a picture, or the latent and the features."""
        data = np.load(self.data)
        if part == "encoder":
            return [network_input(data["driving"])]
        return [data["z"], *(data[f"feature{i}"] for i in range(sum(name.startswith("feature") for name in data)))]


def network_input(rgb: np.ndarray) -> np.ndarray:
    """[1,3,S,S], -1 to 1."""
    return np.ascontiguousarray(rgb.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(127.5) - 1)
