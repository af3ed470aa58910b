"""The network as other engines take it: one made-up model in all their formats, its inputs, and its outputs in float64."""
from __future__ import annotations

import math
import pathlib
import subprocess
import sys
import warnings
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

from peer_files import PARTS, Files, network_input
from rounds import BUILD, ROOT, WORK

sys.path.insert(0, str(ROOT / "weights-tools" / "train"))
import network  # noqa: E402: found there

torch.set_grad_enabled(False)
warnings.filterwarnings("ignore")


def fir_weight(x, gain):
    """Its size as a number, not as something that depends on the input: exporters need that."""
    return (network.FIR2 * gain).to(x.dtype).expand(int(x.shape[1]), 1, 4, 4)


def up2(x):
    return F.conv_transpose2d(x, fir_weight(x, 4), stride=2, padding=1, groups=int(x.shape[1]))


class Liax(network.Liax):
    """The training network in the form that exporters and engines like best."""

    def active(self, x, weight, bias, gain=network.ROOT2, stride=1, padding=0):
        w = self.get(weight)
        return F.leaky_relu(F.conv2d(x, w * (gain / math.sqrt(w[0].numel())), self.get(bias) * gain, stride=stride, padding=padding), 0.2)

    def styled(self, x, z, p, up=False):
        y, d = self.modulated(x, z, p + ".conv", up)
        return F.leaky_relu(y * (d * network.ROOT2)[:, :, None, None] + self.get(p + ".activate.bias").view(1, -1, 1, 1) * network.ROOT2, 0.2)

    def flow_res(self, x, z, p):
        a = self.styled(x, z, p + ".conv1")
        c = int(self.get(p + ".gamma").numel())
        y = F.group_norm(a, math.gcd(32, c), self.get(p + ".norm.weight"), self.get(p + ".norm.bias"), 1e-5)
        return a + self.get(p + ".gamma") * self.styled(y, z, p + ".conv2")


network.fir_weight, network.up2 = fir_weight, up2
torch.addcmul = lambda a, b, c: a + b * c  # which pnnx does not know


class Encoder(torch.nn.Module):
    def __init__(self, net: Liax):
        super().__init__()
        self.net = net

    def forward(self, image):
        return self.net.alpha(self.net.encode(image)[0])


class Decoder(torch.nn.Module):
    def __init__(self, net: Liax):
        super().__init__()
        self.net = net

    def forward(self, z, *features):
        return self.net.decode(z, list(features))[0]


def load_parts(files: Files) -> dict[str, torch.nn.Module]:
    tensors = load_file(files.checkpoint)
    plain = network.Liax.from_checkpoint(tensors)
    net = Liax(plain.size, plain.widths, plain.motions)
    net.restore(tensors)
    net.eval().requires_grad_(False)
    return {"encoder": Encoder(net).eval(), "decoder": Decoder(net).eval()}


def make_data(files: Files, size: int) -> None:
    """Two pictures, what the network makes of them in float64, and between encoder and decoder float32."""
    rng = np.random.default_rng(0)
    source, driving = (np.asarray(Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((size, size), Image.BICUBIC)) for _ in range(2))
    torch.set_default_dtype(torch.float64)
    with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):  # which the network calls where it wants full precision
        net = network.Liax.from_checkpoint(load_file(files.checkpoint))
        alpha = net.alpha(net.encode(torch.from_numpy(network_input(driving)).double())[0])
        z, features = net.encode(torch.from_numpy(network_input(source)).double())
        z = z + net.motion(alpha)
        picture = net.decode(z, features)[0]
    torch.set_default_dtype(torch.float32)
    assert picture.dtype == torch.float64
    single = {f"feature{i}": x.numpy().astype(np.float32) for i, x in enumerate(features)}
    np.savez(files.data, source=source, driving=driving, z=z.numpy().astype(np.float32), encoder=alpha.numpy(), decoder=picture.numpy(), **single)


def make_ncnn(files: Files, name: str, part, inputs) -> None:
    traced = WORK / f"{name}_{files.tag}.pt"
    torch.jit.trace(part, inputs, check_trace=False).save(traced)
    shapes = ",".join("[" + ",".join(map(str, x.shape)) + "]f32" for x in inputs)
    subprocess.run([pathlib.Path(sys.executable).parent / "pnnx", traced, f"inputshape={shapes}", "fp16=0"], check=False, cwd=WORK,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # where it fails, its files are missing


def prepare(size: int, scale: float) -> None:
    """Make what is not there yet."""
    WORK.mkdir(parents=True, exist_ok=True)
    files = Files(size, scale)
    for path in (files.container, files.checkpoint):
        if not path.exists():
            subprocess.run([BUILD / "bin" / "liax-synth", "--size", str(size), "--scale", str(scale), "--motions", "40", path], check=True)
    if not files.data.exists():
        make_data(files, size)
    parts = load_parts(files)
    for name in PARTS:
        inputs = tuple(map(torch.from_numpy, files.inputs(name)))
        if not files.onnx(name).exists():
            torch.onnx.export(parts[name], inputs, str(files.onnx(name)), input_names=[f"i{j}" for j in range(len(inputs))], output_names=["o"], opset_version=16,
                              dynamo=False, do_constant_folding=True)
        if not files.ncnn(name, "param").exists():
            make_ncnn(files, name, parts[name], inputs)


if __name__ == "__main__":
    prepare(int(sys.argv[1]), float(sys.argv[2]))
