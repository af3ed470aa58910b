"""The network as other engines take it: one model in all their formats, its inputs, and its outputs in float64."""
from __future__ import annotations

import json
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


class HalfLiax(network.Liax):
    """For a GPU: features in the pictures' type, which is f16, vectors and the warp's positions in f32."""

    def last_weight(self):
        if not hasattr(self, "last"):
            self.last = super().last_weight()
        return self.last

    def flow_res(self, x, z, p):
        a = self.styled(x, z, p + ".conv1")
        y = F.group_norm(a, math.gcd(32, a.shape[1]), self.get(p + ".norm.weight").to(a.dtype), self.get(p + ".norm.bias").to(a.dtype), 1e-5)
        return torch.addcmul(a, self.get(p + ".gamma").to(a.dtype), self.styled(y, z, p + ".conv2"))

    def sample(self, feat, grid):
        return F.grid_sample(feat.float(), grid, align_corners=True).to(feat.dtype)


network.Liax.start = lambda self: None  # all parameters come from a file
network.Liax.last_weight = lambda self: self.get("enc.enc_2r.block8.weight")  # training alone changes it as it runs
TRAINED = network.fir_weight, network.up2, torch.addcmul
EXPORTED = fir_weight, up2, lambda a, b, c: a + b * c  # pnnx does not know addcmul


def take(forms) -> None:
    """Of the same operations, those that training uses, or those that exporters know."""
    network.fir_weight, network.up2, torch.addcmul = forms


take(EXPORTED)


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


def load_parts(files: Files, form=Liax) -> dict[str, torch.nn.Module]:
    tensors = load_file(files.checkpoint)
    plain = network.Liax.from_checkpoint(tensors)
    net = form(plain.size, plain.widths, plain.motions)
    net.restore(tensors)
    net.eval().requires_grad_(False)
    return {"encoder": Encoder(net).eval(), "decoder": Decoder(net).eval()}


def make_data(files: Files, device: str) -> None:
    """Two pictures, what the network makes of them in float64, and between encoder and decoder float32."""
    rng = np.random.default_rng(0)
    torch.set_default_dtype(torch.float64)
    with mock.patch.object(torch.Tensor, "float", torch.Tensor.double):  # which the network calls where it wants full precision
        net = network.Liax.from_checkpoint(load_file(files.checkpoint)).to(device)
        source, driving = (np.asarray(Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).resize((net.size, net.size), Image.BICUBIC)) for _ in range(2))
        alpha = net.alpha(net.encode(torch.from_numpy(network_input(driving)).double().to(device))[0])
        z, features = net.encode(torch.from_numpy(network_input(source)).double().to(device))
        z = z + net.motion(alpha)
        picture = net.decode(z, features)[0]
    torch.set_default_dtype(torch.float32)
    assert picture.dtype == torch.float64
    z, alpha, picture, *features = (x.cpu().numpy() for x in (z, alpha, picture, *features))
    single = {f"feature{i}": x.astype(np.float32) for i, x in enumerate(features)}
    np.savez(files.data, source=source, driving=driving, z=z.astype(np.float32), encoder=alpha, decoder=picture, **single)


def make_ncnn(files: Files, name: str, part, inputs) -> None:
    traced = WORK / f"{name}_{files.tag}.pt"
    torch.jit.trace(part, inputs, check_trace=False).save(traced)
    shapes = ",".join("[" + ",".join(map(str, x.shape)) + "]f32" for x in inputs)
    subprocess.run([pathlib.Path(sys.executable).parent / "pnnx", traced, f"inputshape={shapes}", "fp16=0"], check=False, cwd=WORK,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # where it fails, its files are missing


def make_weights(files: Files) -> None:
    if "checkpoint" in files.model:
        commands = [[BUILD / "bin" / "liax-convert", files.checkpoint, files.container]]
    else:
        shape = [word for key, value in files.model.items() for word in (f"--{key}", str(value))]
        latent = int(files.model["widths"].split(",")[0]) if "widths" in files.model else round(512 * files.model["scale"])
        commands = [[BUILD / "bin" / "liax-synth", *shape, "--motions", str(min(40, latent)), path] for path in (files.container, files.checkpoint)]
    makers = [subprocess.Popen(command) for command in commands if not command[-1].exists()]
    if any([maker.wait() for maker in makers]):
        sys.exit(1)


def prepare(model: dict, device: str) -> None:
    """Make what is not there yet; engines on a GPU need no other formats."""
    WORK.mkdir(parents=True, exist_ok=True)
    files = Files(model)
    make_weights(files)
    if not files.data.exists():
        take(TRAINED)
        make_data(files, device)
        take(EXPORTED)
    if device != "cpu":
        return
    parts = load_parts(files)
    for name in PARTS:
        inputs = tuple(map(torch.from_numpy, files.inputs(name)))
        if not files.onnx(name).exists():
            torch.onnx.export(parts[name], inputs, str(files.onnx(name)), input_names=[f"i{j}" for j in range(len(inputs))], output_names=["o"], opset_version=16,
                              dynamo=False, do_constant_folding=True)
        if not files.ncnn(name, "param").exists():
            make_ncnn(files, name, parts[name], inputs)


if __name__ == "__main__":
    prepare(json.loads(sys.argv[1]), sys.argv[2])
