"""One engine in a process of its own, pinned to its CPUs: started by peers.py with a JSON object as the only argument.

First it says on its standard output, in a line of JSON, how long loading and the first frame took, its errors and its memory, or
why it cannot run; then it answers every part's name on standard input with the milliseconds that the part took: one that is short in the
mean of as many as fill TURN_MS, after one that finds other engines' things in the caches. Frames of a video follow one another, too.
"""
from __future__ import annotations

import importlib
import json
import math
import os
import statistics
import sys

import numpy as np

from peer_files import Files
from rounds import timed


def make_liax(spec: dict, files: Files) -> dict:
    from liax import Liax
    data = np.load(files.data)
    engine = Liax(files.container, spec["cpus"], precision=spec["precision"], device="cuda" if spec["engine"] == "liax-cuda" else "cpu")
    engine.start(data["source"].tobytes(), data["driving"].tobytes())

    def encoder():
        engine.encoder()
        return np.array(engine.motion)[None]

    def decoder():
        engine.motion[:] = data["encoder"][0].tolist()  # the right ones, so that the decoder's error is its own
        engine.decoder()
        return np.frombuffer(engine.drawn, np.float32).reshape(data["decoder"].shape)
    return {"encoder": encoder, "decoder": decoder}


def channels_last(x):
    """Pictures and weights; those of styled layers have a first dimension of one more."""
    import torch
    if x.dim() == 5:
        return channels_last(x[0])[None]
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def make_torch_cuda(spec: dict, files: Files) -> dict:
    """Features in f16; frozen like on the CPU, so that weights are not made again for every frame. The picture ends in host memory."""
    import peer_model
    import torch
    torch.backends.cudnn.benchmark = True
    torch._C._jit_set_texpr_fuser_enabled(False)  # operation after operation
    peer_model.take(peer_model.TRAINED)
    parts = peer_model.load_parts(files, peer_model.HalfLiax)
    for p in parts["encoder"].parameters():  # both parts have the same
        p.data = channels_last(p.data.cuda())

    def make(name):
        part, inputs = parts[name], [channels_last(torch.from_numpy(x).cuda()) for x in files.inputs(name)]
        inputs = [x.half() if x.dim() == 4 else x for x in inputs]
        part(*inputs)
        if spec["engine"] == "torch-cuda-compile":
            run = torch.compile(part, mode="max-autotune")
        else:
            run = torch.jit.freeze(torch.jit.trace(part, tuple(inputs), check_trace=False))
        if spec["engine"] != "torch-cuda-graph":
            return lambda: run(*inputs).float().cpu().numpy()
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                run(*inputs)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            drawn = run(*inputs).float()

        def replay():
            graph.replay()
            return drawn.cpu().numpy()
        return replay
    return {name: make(name) for name in spec["parts"]}


def make_torch(spec: dict, files: Files) -> dict:
    import peer_model
    import torch
    torch.set_num_threads(len(spec["cpus"]))
    parts = peer_model.load_parts(files)

    half = torch.autocast("cpu", torch.bfloat16, enabled=spec["precision"] == "bf16", cache_enabled=False)

    def make(name):
        part, inputs = parts[name], [torch.from_numpy(x) for x in files.inputs(name)]
        if spec["engine"] == "torch-channels-last":
            inputs = [channels_last(x) for x in inputs]
            for p in part.parameters():
                p.data = channels_last(p.data)
        if spec["engine"] == "torch-compile":
            run = half(torch.compile(part))
        else:  # frozen, so that everything known beforehand is a constant, as the exporters make it
            with half:
                run = torch.jit.freeze(torch.jit.trace(part, tuple(inputs), check_trace=False))
        return lambda: run(*inputs).float().numpy()

    return {name: make(name) for name in spec["parts"]}


def make_onnxruntime(spec: dict, files: Files) -> dict:
    import onnxruntime as ort
    if spec["precision"] != "f32":
        raise RuntimeError("no bf16 convolutions on a CPU")
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = len(spec["cpus"]), 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL

    def make(name):
        session = ort.InferenceSession(str(files.onnx(name)), options, providers=["CPUExecutionProvider"])
        feed = {i.name: x for i, x in zip(session.get_inputs(), files.inputs(name))}
        return lambda: session.run(None, feed)[0]
    return {name: make(name) for name in spec["parts"]}


def make_openvino(spec: dict, files: Files) -> dict:
    import openvino as ov
    core = ov.Core()
    settings = {"INFERENCE_NUM_THREADS": len(spec["cpus"]), "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": spec["precision"]}

    def make(name):
        model = core.compile_model(core.read_model(str(files.onnx(name))), "CPU", settings)
        if model.get_property("INFERENCE_PRECISION_HINT") != getattr(ov.Type, spec["precision"]):
            raise RuntimeError("it computes in another precision here")
        request, feed = model.create_infer_request(), files.inputs(name)
        return lambda: request.infer(feed)[model.output(0)]
    return {name: make(name) for name in spec["parts"]}


def make_ncnn(spec: dict, files: Files) -> dict:
    import ncnn

    def make(name):
        if not files.ncnn(name, "param").exists():
            raise RuntimeError("pnnx did not convert the network")  # ncnn itself would crash
        net = ncnn.Net()
        net.opt.num_threads = len(spec["cpus"])
        net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_storage = spec["precision"] == "bf16"
        net.load_param(str(files.ncnn(name, "param")))
        net.load_model(str(files.ncnn(name, "bin")))
        mats = [ncnn.Mat(x[0]).clone() for x in files.inputs(name)]  # a Mat does not keep the array that it shows

        def run():
            extractor = net.create_extractor()
            for j, mat in enumerate(mats):
                extractor.input(f"in{j}", mat)
            return np.array(extractor.extract("out0")[1])[None]
        return run
    return {name: make(name) for name in spec["parts"]}


TURN_MS = 100

# largest error of an engine that computes the right thing, in shares of the largest value
WRONG = {"f32": 1e-4, "bf16": 0.1, "f16": 0.1}

# what is imported before the clock runs, and what loads the parts
ENGINES = {"liax": ("liax", make_liax), "liax-cuda": ("liax", make_liax),
           **{engine: ("peer_model", make_torch_cuda) for engine in ("torch-cuda", "torch-cuda-graph", "torch-cuda-compile")},
           "torch": ("peer_model", make_torch), "torch-channels-last": ("peer_model", make_torch), "torch-compile": ("peer_model", make_torch),
           "onnxruntime": ("onnxruntime", make_onnxruntime), "openvino": ("openvino", make_openvino), "ncnn": ("ncnn", make_ncnn)}


def peak_mb() -> float:
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024


def start(spec: dict) -> tuple[dict, dict]:
    """The parts, and what there is to say about loading them."""
    files = Files(spec["model"])
    module, make = ENGINES[spec["engine"]]
    importlib.import_module(module)
    imported, parts, got = peak_mb(), {}, {}

    def first_frame():
        parts.update(make(spec, files))
        got.update({name: parts[name]() for name in spec["parts"]})
    load_ms = timed(first_frame)
    peak, data = peak_mb(), np.load(files.data)
    errors = {name: float(np.abs(got[name] - data[name]).max() / np.abs(data[name]).max()) for name in got}
    if not all(e < WRONG[spec["precision"]] for e in errors.values()):
        raise RuntimeError("wrong outputs, errors " + ", ".join(f"{name} {e:.1e}" for name, e in errors.items()))
    return parts, {"load_ms": load_ms, "peak_mb": peak, "imported_mb": imported, "errors": errors}


def turn(run) -> float:
    ms = timed(run)
    if ms > TURN_MS / 2:
        return ms
    return statistics.fmean(timed(run) for _ in range(math.ceil(TURN_MS / ms)))


def main() -> None:
    spec = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # engines print
    os.sched_setaffinity(0, spec["cpus"])
    try:
        parts, facts = start(spec)
        for name in spec["parts"]:
            parts[name]()  # warms up
    except Exception as e:  # an engine that cannot run the network is told, not hidden
        print(json.dumps({"failed": f"{type(e).__name__}: {str(e).strip().splitlines()[0][:160] if str(e).strip() else ''}"}), file=answers)
        return
    print(json.dumps(facts), file=answers)
    for line in sys.stdin:
        print(json.dumps(turn(parts[line.strip()])), file=answers)


main()
