"""Where a model lies in every engine's format, and its inputs."""
from __future__ import annotations

import pathlib
import re

import numpy as np

from rounds import WORK

PARTS = ("encoder", "decoder")


class Files:
    """Of a made-up model, {"size": S, "scale": s} or {"size": S, "widths": "w4,w8,..."}, or of {"checkpoint": FILE}, a path of safetensors."""

    def __init__(self, model: dict):
        self.model, given = model, model.get("checkpoint")
        if given:
            self.title, tag = pathlib.Path(given).name, str(pathlib.Path(given).resolve())
        elif "widths" in model:
            self.title, tag = f"S={model['size']} widths={model['widths']}", f"{model['size']}_{model['widths']}"
        else:
            self.title, tag = f"S={model['size']} s={model['scale']}", f"{model['size']}_{round(model['scale'] * 1000)}"
        self.tag = re.sub("[^A-Za-z0-9]+", "_", tag)  # as pnnx does with names
        self.container, self.data = (WORK / f"peers_{self.tag}{end}" for end in (".liax", ".npz"))
        self.checkpoint = pathlib.Path(given) if given else WORK / f"peers_{self.tag}.safetensors"

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
