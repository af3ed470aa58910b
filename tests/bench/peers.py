"""Time liax beside the engines that a user would otherwise take: PyTorch, ONNX Runtime, OpenVINO, ncnn; f32, on this CPU.

    tests/bench/peers.py [--scale 0.5] [--size 512] [--threads 2] [--rounds 3] [--only torch,ort,openvino,ncnn] [--json FILE]

Every engine gets the same made-up model (liax-synth). Outputs are compared first: the peers' with PyTorch's, and liax's
reconstruction of a picture with PyTorch's. Then they take turns, A B C A B C, encoder and decoder apart; a round is left out if a
probe of the cores just before it was slower than 85 % of the best probe. Run it in the root of the source tree, after make.
"""
from __future__ import annotations

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "weights-tools" / "train"))
warnings.filterwarnings("ignore")

ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ap.add_argument("--scale", type=float, default=0.5)
ap.add_argument("--size", type=int, default=512)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--rounds", type=int, default=3)
ap.add_argument("--only", default="torch,ort,openvino,ncnn")
ap.add_argument("--json")
args = ap.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)

import numpy as np  # noqa: E402: the number of threads must be set before
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

import network  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(args.threads)
torch.set_grad_enabled(False)
BUILD = pathlib.Path(os.environ.get("LIAX_BUILD", ROOT / "build"))
WORK = BUILD / "bench"
LIAX = BUILD / "bin" / "liax"
TAG = f"{args.size}_{round(args.scale * 1000)}"  # in file names; pnnx makes underscores of all other signs


def fir_weight(x, gain):
    """Its size as a number, not as something that depends on the input: exporters need that."""
    return (network.FIR2 * gain).expand(int(x.shape[1]), 1, 4, 4)


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


def from_checkpoint(tensors) -> Liax:
    plain = network.Liax.from_checkpoint(tensors)
    net = Liax(plain.size, plain.widths, plain.motions)
    net.restore(tensors)
    return net.eval().requires_grad_(False)


def make_model() -> tuple[pathlib.Path, Liax]:
    """The same weights as a container and as a PyTorch network."""
    WORK.mkdir(parents=True, exist_ok=True)
    base = WORK / f"peers_{TAG}"
    for path in (base.with_suffix(".liax"), base.with_suffix(".safetensors")):
        if not path.exists():
            subprocess.run([BUILD / "bin" / "liax-synth", "--size", str(args.size), "--scale", str(args.scale), "--motions", "40", path], check=True)
    return base.with_suffix(".liax"), from_checkpoint(load_file(base.with_suffix(".safetensors")))


def torch_engine(part, inputs):
    """Traced and frozen, so that everything known beforehand is a constant, as the exporters make it."""
    inputs = [x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]
    frozen = torch.jit.freeze(torch.jit.trace(part, tuple(inputs), check_trace=False))
    return lambda: frozen(*inputs).numpy()


def to_onnx(part, inputs, name: str) -> pathlib.Path:
    path = WORK / f"{name}_{TAG}.onnx"
    if not path.exists():
        torch.onnx.export(part, tuple(inputs), str(path), input_names=[f"i{j}" for j in range(len(inputs))], output_names=["o"], opset_version=16,
                          dynamo=False, do_constant_folding=True)
    return path


def ort_engine(part, inputs, name):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(str(to_onnx(part, inputs, name)), options, providers=["CPUExecutionProvider"])
    feed = {i.name: x.numpy() for i, x in zip(session.get_inputs(), inputs)}
    return lambda: session.run(None, feed)[0]


def openvino_engine(part, inputs, name):
    import openvino as ov
    core = ov.Core()
    settings = {"INFERENCE_NUM_THREADS": args.threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    model = core.compile_model(core.read_model(str(to_onnx(part, inputs, name))), "CPU", settings)
    request, feed = model.create_infer_request(), [x.numpy() for x in inputs]
    return lambda: request.infer(feed)[model.output(0)]


def ncnn_engine(part, inputs, name):
    import ncnn
    base = WORK / f"{name}_{TAG}"
    if not pathlib.Path(f"{base}.ncnn.param").exists():
        torch.jit.trace(part, tuple(inputs), check_trace=False).save(f"{base}.pt")
        shapes = ",".join("[" + ",".join(map(str, x.shape)) + "]f32" for x in inputs)
        subprocess.run([pathlib.Path(sys.executable).parent / "pnnx", f"{base}.pt", f"inputshape={shapes}", "fp16=0"], check=True, cwd=WORK,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not pathlib.Path(f"{base}.ncnn.param").exists():
        raise RuntimeError("pnnx did not convert it")  # ncnn itself would crash
    net = ncnn.Net()
    net.opt.num_threads = args.threads
    net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    net.load_param(f"{base}.ncnn.param")
    net.load_model(f"{base}.ncnn.bin")
    mats = [ncnn.Mat(x[0].numpy()) for x in inputs]

    def run():
        extractor = net.create_extractor()
        for j, mat in enumerate(mats):
            extractor.input(f"in{j}", mat)
        return np.array(extractor.extract("out0")[1])[None]
    return run


def check_liax(container: pathlib.Path, net: Liax) -> float:
    """Largest error of liax's reconstruction of a picture, against PyTorch's, in shares of the largest value."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (8, 8, 3), np.uint8)
    rgb = np.asarray(Image.fromarray(small).resize((args.size, args.size), Image.BICUBIC))
    Image.fromarray(rgb).save(WORK / "picture.png")
    subprocess.run([LIAX, "edit", "-q", "-y", "-m", container, "-s", WORK / "picture.png", "--npy", WORK / "picture.npy", "--threads", str(args.threads)], check=True)
    got = np.load(WORK / "picture.npy")
    z, features = net.encode(torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1)
    want = net.decode(z + net.motion(net.alpha(z)), features)[0].numpy()
    return float(np.abs(got - want).max() / np.abs(want).max())


def liax_ms(container: pathlib.Path) -> dict[str, float]:
    out = subprocess.run([LIAX, "bench", "-m", container, "--threads", str(args.threads), "--runs", "2", "--json"], check=True, capture_output=True)
    times = json.loads(out.stdout)
    return {"encoder": times["encoder_ms"]["min"], "decoder": times["decoder_ms"]["min"]}


def probe() -> float:
    """Products per second of one large matrix, on all threads."""
    a = torch.rand(768, 768)
    began, n = time.perf_counter(), 0
    while time.perf_counter() - began < 0.3:
        a @ a
        n += 1
    return n / (time.perf_counter() - began)


def main() -> None:
    container, net = make_model()
    z, features = net.encode(torch.rand(1, 3, args.size, args.size) * 2 - 1)
    inputs = {"encoder": [torch.rand(1, 3, args.size, args.size) * 2 - 1], "decoder": [z, *features]}
    parts = {"encoder": Encoder(net).eval(), "decoder": Decoder(net).eval()}
    print(f"S={args.size} s={args.scale}, f32, {args.threads} threads; liax against PyTorch: largest error {check_liax(container, net):.1e} of the largest value", flush=True)

    makers = {"torch": lambda p, i, n: torch_engine(p, i), "ort": ort_engine, "openvino": openvino_engine, "ncnn": ncnn_engine}
    engines: dict[tuple[str, str], object] = {}
    for name in parts:
        want = parts[name](*inputs[name]).numpy()
        for peer in args.only.split(","):
            try:
                run = makers[peer](parts[name], inputs[name], name)
                error = float(np.abs(run() - want).max() / np.abs(want).max())
                print(f"  {name} {peer}: largest error {error:.1e}", flush=True)
                engines[peer, name] = run
            except Exception as e:  # a peer that cannot run the network is told, not hidden
                print(f"  {name} {peer}: cannot run it: {type(e).__name__}: {str(e)[:160]}", flush=True)

    times: dict[tuple[str, str], list[float]] = {}
    probes = [probe() for _ in range(3)]
    kept = tries = 0
    while kept < args.rounds and tries < 4 * args.rounds:
        tries += 1
        probes.append(probe())
        if probes[-1] < 0.85 * max(probes):
            continue
        kept += 1
        for part, ms in liax_ms(container).items():
            times.setdefault(("liax", part), []).append(ms)
        for key, run in engines.items():
            began = time.perf_counter()
            run()
            times.setdefault(key, []).append((time.perf_counter() - began) * 1e3)
    print(f"{kept} rounds kept of {tries}")
    rows = []
    for part in parts:
        ours = times["liax", part]
        for (peer, p), ms in sorted(times.items(), key=lambda kv: min(kv[1])):
            if p == part:
                ratio = statistics.median(a / b for a, b in zip(ms, ours))
                rows.append({"part": part, "engine": peer, "min_ms": min(ms), "median_ms": statistics.median(ms), "ratio_to_liax": ratio})
                print(f"{part:8s} {peer:9s} min {min(ms):8.0f} ms   median {statistics.median(ms):8.0f} ms   {ratio:5.2f} x liax")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"size": args.size, "scale": args.scale, "threads": args.threads, "rounds": kept, "rows": rows}, indent=1))


main()
