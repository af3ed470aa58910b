"""Train the demo LIA-X on drawn portraits.

A run has two stages: the encoder alone learns to read the motions from pictures (cheap), then everything is trained. The
renderer's own flow supervises every level; at first it also replaces the network's flow in the warps, so that the
picture branch can learn before the flow is right.
"""
from __future__ import annotations

import argparse
import glob
import json
import math
import os
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

import portraits
from evaluate import Holdout
from network import Liax, level_name
from portraits import BROWS, EYES, FACE, IDS, LABELS, MOUTH, Stream, to_labels

GAZE = [i for i, row in enumerate(LABELS) if row[0].startswith("gaze")]
PART = 12 << 20  # bytes of state per file


def save_state(path: str, net: Liax, ema: dict[str, Tensor], opt: torch.optim.Optimizer, info: dict) -> None:
    """All that a run needs to go on, in safetensors files of PART bytes at most."""
    tensors = {}
    for (k, p) in net.p.items():
        tensors["net." + k], tensors["ema." + k] = p.detach(), ema[k]
        s = opt.state.get(p, {})
        for name in ("exp_avg", "exp_avg_sq"):
            if name in s:
                tensors[f"{name}.{k}"] = s[name]
    os.makedirs(path, exist_ok=True)
    parts, size = [{}], 0
    for k, v in tensors.items():
        if size + v.nbytes > PART and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][k], size = v.float().cpu().contiguous(), size + v.nbytes
    for i, part in enumerate(parts):
        save_file(part, os.path.join(path, f"state-{i}.safetensors.new"))
    for old in glob.glob(os.path.join(path, "state-*.safetensors")):
        os.remove(old)
    for i in range(len(parts)):
        os.rename(os.path.join(path, f"state-{i}.safetensors.new"), os.path.join(path, f"state-{i}.safetensors"))
    info = dict(info, size=net.size, widths=net.widths, motions=net.motions)
    with open(os.path.join(path, "state.json"), "w") as f:
        json.dump(info, f)


def load_state(path: str) -> tuple[Liax, dict[str, Tensor], dict[str, Tensor], dict]:
    with open(os.path.join(path, "state.json")) as f:
        info = json.load(f)
    tensors = {}
    for part in glob.glob(os.path.join(path, "state-*.safetensors")):
        tensors.update(load_file(part))
    net = Liax(info["size"], info["widths"], info["motions"])
    net.restore({k[4:].replace("/", "."): v for k, v in tensors.items() if k.startswith("net.")})
    return net, {k[4:]: v for k, v in tensors.items() if k.startswith("ema.")}, tensors, info


def export(path: str, net: Liax, ema: dict[str, Tensor]) -> None:
    """The averaged weights as float16, under the checkpoint's keys."""
    live = {k: p.detach().clone() for k, p in net.p.items()}
    with torch.no_grad():
        for k, p in net.p.items():
            p.copy_(ema[k])
        tensors = {k: v.half().cpu().contiguous() for k, v in net.checkpoint().items()}
        for k, p in net.p.items():
            p.copy_(live[k])
    save_file(tensors, path + ".new")
    os.rename(path + ".new", path)


class Teacher:
    """What the renderer knows about one batch, at the size of every level."""

    def __init__(self, batch: dict, sizes: list[int], which: Tensor):
        flow, seen = batch["flow"], batch["seen"][:, None]
        lab = batch["lab"].int()
        face = (lab & FACE > 0).float()
        eyes_mouth, brows = ((lab & (EYES | MOUTH)) > 0).float() * face, (lab & BROWS > 0).float() * face
        self.weight = (1 + 5 * eyes_mouth + 2 * brows)[:, None]
        self.which, self.flow, self.seen, self.w = which, [], [], []
        for s in sizes:
            k = flow.shape[-1] // s
            m = F.avg_pool2d(seen, k) if k > 1 else seen
            f = (F.avg_pool2d(flow * seen, k) if k > 1 else flow * seen) / m.clamp(min=1e-3)
            self.flow.append(f * (s / (s - 1)))
            self.seen.append(m)
            self.w.append(F.avg_pool2d(self.weight, k) if k > 1 else self.weight)

    def forced(self):
        return self.which.view(-1, 1, 1, 1), self.flow, self.seen

    def flow_loss(self, flows: list[Tensor]) -> tuple[Tensor, Tensor]:
        far = mask = 0
        for f, true, seen, w in zip(flows, self.flow, self.seen, self.w):
            q = w * seen
            far = far + (q * (torch.tanh(f[:, :2]) - true).abs()).sum() / q.sum()
            mask = mask + F.binary_cross_entropy_with_logits(f[:, 2:], seen)
        return far / len(flows), mask / len(flows)


def picture_loss(y: Tensor, t: Tensor, w: Tensor) -> Tensor:
    d = y - t
    loss = (w * d.abs()).sum() / (3 * w.sum())
    for axis in (2, 3):
        a = d.narrow(axis, 1, d.shape[axis] - 1) - d.narrow(axis, 0, d.shape[axis] - 1)
        v = w.narrow(axis, 1, d.shape[axis] - 1)
        loss = loss + (v * a.abs()).sum() / (3 * v.sum())
    return loss


def label_loss(net: Liax, z: Tensor, motion: Tensor, used: Tensor) -> Tensor:
    """The readout tells the motion, and the rest of the latent keeps off the motions' directions."""
    want = to_labels(motion.cpu()).to(z.device)
    read = F.smooth_l1_loss(4 * net.alpha(z)[:, IDS], 4 * want, beta=0.5, reduction="none")
    seen = torch.ones_like(read)
    seen[:, GAZE] = 1 - 0.9 * motion[:, 11:13].mean(1, keepdim=True)  # closed eyes do not tell where they look
    return (seen * read).mean() + 0.01 * (z @ used).square().mean()


class Probes(torch.nn.Module):
    """Linear readouts of the label picture from the coarse features, for training only: where eyes, irises, brows,
    mouth, face, hair and body are is known for every place, which teaches an encoder faster than one number per picture."""

    def __init__(self, net: Liax):
        super().__init__()
        self.heads = torch.nn.ModuleList(torch.nn.Conv2d(w, 8, 1) for w in net.widths[1:4])

    def forward(self, feats: list[Tensor], labels: Tensor) -> Tensor:
        maps = torch.stack([(labels.int() & (1 << i) > 0).float() for i in range(8)], 1)
        loss = 0
        for head, f in zip(self.heads, feats):
            want = F.avg_pool2d(maps, labels.shape[-1] // f.shape[-1])
            scale = maps.new_tensor([1, 3, 3, 3, 1, 1, 6, 4]).view(1, -1, 1, 1)
            loss = loss + (scale * (head(f.float()) - want)).square().mean()
        return loss


def step(net: Liax, probes: Probes, batch: dict, stage: str, teach: float, used: Tensor, half: bool, picture: bool) -> dict[str, Tensor]:
    src = batch["src"].contiguous(memory_format=torch.channels_last)
    src = src.bfloat16() if half else src
    n, motion, lab = len(src), batch["ms"], batch["lab_s"]
    if stage == "full":  # the target serves as a second labelled picture
        tgt = batch["tgt"].to(src.dtype).contiguous(memory_format=torch.channels_last)
        src, motion, lab = torch.cat((src, tgt)), torch.cat((motion, batch["mt"])), torch.cat((lab, batch["lab"]))
    z, feats = net.encode(src)
    out = {"label": 2 * label_loss(net, z, motion, used), "probe": (2 if stage == "encoder" else 1) * probes(feats, lab)}
    if stage == "full":
        z, feats = z[:n], [f[:n] for f in feats]
        alpha = torch.zeros(len(z), net.motions, device=z.device)
        alpha[:, IDS] = to_labels(batch["mt"].cpu()).to(z.device)
        alpha[:, IDS] += 0.02 * torch.randn_like(alpha[:, IDS])
        which = (torch.rand(len(z), device=z.device) < teach).float()
        teacher = Teacher(batch, [f.shape[-1] for f in feats], which)
        y, flows = net.decode(z + net.motion(alpha), feats, teacher.forced() if teach > 0 else None, picture)
        far, mask = teacher.flow_loss(flows)
        out["flow"], out["mask"] = 6 * far, 0.1 * mask
        if picture:
            out["picture"] = picture_loss(y, batch["tgt"], teacher.weight)
    return out


def average_gradients(opt: torch.optim.Optimizer, n: int) -> None:
    params = [p for g in opt.param_groups for p in g["params"]]
    used = [p for p in params if p.grad is not None]  # the same ones everywhere
    flat = torch.cat([p.grad.reshape(-1) for p in used])
    torch.distributed.all_reduce(flat)
    for p, g in zip(used, flat.div_(n).split([p.numel() for p in used])):
        p.grad.copy_(g.view(p.grad.shape))


def reset_picture(net: Liax) -> None:
    """Picture branches that copy: what the finest features tell of the colours, found by least squares."""
    fresh = Liax(net.size, net.widths, net.motions)
    for k, p in net.p.items():
        if "rgb" in k or "_2_up" in k:
            p.data.copy_(fresh.p[k])
    n = len(net.widths) - 1
    colours = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        f = net.conv_layer(colours, "enc.enc_2r.block1")[0].flatten(1).T
        x = torch.linalg.lstsq(torch.cat((f, torch.ones(len(f), 1)), 1), colours[0].flatten(1).T).solution
        t = level_name(n - 1)
        # four residual blocks halve the features twice; the layer's own gains are sqrt2 and 1/sqrt(channels)
        net.put(f"dec.rgb{t}.conv.0.weight", x[:-1].T[:, :, None, None] * 4 * math.sqrt(net.widths[n] / 2))
        net.put(f"dec.rgb{t}.bias", net.get(f"dec.rgb{t}.bias").detach() + x[-1].view(1, 3, 1, 1))
        net.put(f"dec.conv{t}_2_up.1.weight", 0.1 * net.get(f"dec.conv{t}_2_up.1.weight").detach())


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--run", required=True, help="folder for state, log and pictures")
    a.add_argument("--seconds", type=float, default=3600, help="length of the run; rates follow the clock")
    a.add_argument("--encoder-seconds", type=float, default=0, help="of these, with the encoder alone")
    a.add_argument("--teach", type=float, default=0.35, help="share of the run until which true flows replace the network's")
    a.add_argument("--teach-floor", type=float, default=0.35, help="least share of samples with true flows: keeps pictures sharp")
    a.add_argument("--flow-until", type=float, default=0.5, help="share of the run until which two of three steps learn the flow alone")
    a.add_argument("--size", type=int, default=64)
    a.add_argument("--widths", default="64,64,40,24,16", help="channels at 4x4, 8x8, ... size")
    a.add_argument("--batch", type=int, default=16)
    a.add_argument("--lr", type=float, default=5e-3)
    a.add_argument("--floor", type=float, default=0.03, help="the last rate, as a share of the first")
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--resume", help="a run's folder to go on from")
    a.add_argument("--weights", help="a safetensors checkpoint to start from")
    a.add_argument("--grow", type=int, default=0, help="double the picture's size with a level of this many channels")
    a.add_argument("--average", action="store_true", help="resume from the averaged weights, with a fresh optimiser")
    a.add_argument("--reset-picture", action="store_true", help="let the picture branch begin again as a copier")
    a.add_argument("--encoder-rate", type=float, default=0.2, help="the encoder's rate once everything is trained, as a share of --lr")
    a.add_argument("--picture-rate", type=float, default=0.3, help="the picture branch's rate, as a share of --lr")
    a.add_argument("--train-directions", action="store_true")
    a.add_argument("--device", default="cpu")
    a.add_argument("--bf16", action="store_true", help="convolutions in bfloat16")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--show", type=float, default=120, help="seconds between pictures, measures and saved states")
    a.add_argument("--processes", type=int, default=1, help="split every step over this many; on two cores better than two threads")
    o = a.parse_args()
    if o.processes > 1:
        with tempfile.NamedTemporaryFile() as meet:
            torch.multiprocessing.spawn(train, (o, meet.name + ".meet"), o.processes)
    else:
        train(0, o, "")


def train(rank: int, o: argparse.Namespace, meet: str) -> None:
    if o.processes > 1:
        torch.distributed.init_process_group("gloo", init_method="file://" + meet, rank=rank, world_size=o.processes)
    torch.manual_seed(o.seed)
    torch.set_num_threads(o.threads)
    saved, info = {}, {"samples": 0, "steps": 0, "seconds": 0.0}
    if o.resume:
        net, ema, saved, info = load_state(o.resume)
        if o.grow or o.average:
            net.restore({k.replace("/", "."): v for k, v in ema.items()})
    elif o.weights:
        net = Liax.from_checkpoint({k: v.float() for k, v in load_file(o.weights).items()})
    else:
        net = Liax(o.size, [int(w) for w in o.widths.split(",")])
    if o.grow:
        net, saved = net.grown(o.grow), {}
    if o.average:
        saved = {}
    if o.reset_picture:
        reset_picture(net)
        ema = {k: p.detach().clone() for k, p in net.p.items()}
    net.to(o.device)
    for p in net.p.values():
        if p.dim() == 4:
            p.data = p.data.contiguous(memory_format=torch.channels_last)
    fixed = ["enc/enc_r2t/0/weight"] + ([] if o.train_directions else ["dec/direction/weight"])
    for k in fixed:
        net.p[k].requires_grad_(False)
    live = [(k, p) for k, p in net.p.items() if p.requires_grad]
    probes = Probes(net).to(o.device)
    kinds: dict[str, list] = {"encoder": list(probes.parameters()), "flow": [], "picture": []}
    for k, p in live:
        kinds["encoder" if k.startswith("enc") else "picture" if "rgb" in k or "_2_up" in k else "flow"].append(p)
    opt = torch.optim.Adam([{"params": v, "kind": k} for k, v in kinds.items()], lr=o.lr, betas=(0.9, 0.99))
    if not o.resume or o.grow:
        ema = {k: p.detach().clone() for k, p in net.p.items()}
    ema = {k: v.to(o.device) for k, v in ema.items()}
    for k, p in live:
        if f"exp_avg.{k}" in saved:
            opt.state[p] = {"step": torch.tensor(float(info["steps"])), "exp_avg": saved[f"exp_avg.{k}"].to(p),
                            "exp_avg_sq": saved[f"exp_avg_sq.{k}"].to(p)}
    os.makedirs(o.run, exist_ok=True)
    log = open(os.path.join(o.run, "log.txt"), "a")

    def say(text: str) -> None:
        if rank:
            return
        print(text, flush=True)
        print(text, file=log, flush=True)

    say(f"{sum(p.numel() for p in net.parameters())} parameters, size {net.size}, widths {net.widths}, {vars(o)}")
    held = Holdout(net.size, 32)
    begin, shown, told, steps = time.time(), time.time(), time.time(), 0
    stage, stream, sums, counted = None, None, {}, 0
    while True:
        spent = time.time() - begin
        if o.processes > 1:  # one clock for all, so that all do the same
            clock = torch.tensor([spent])
            torch.distributed.broadcast(clock, 0)
            spent = float(clock)
        if spent > o.seconds:
            break
        now = "encoder" if spent < o.encoder_seconds else "full"
        if now != stage:
            stage, batch = now, o.batch
            stream = Stream(net.size, batch, o.seed * 1000 + info["steps"] + rank * 1000003, pairs=stage == "full")
            stage_begin, stage_end = spent, o.encoder_seconds if stage == "encoder" else o.seconds
            first = steps
            for g in opt.state.values():
                g["exp_avg"].zero_()
        at = (spent - stage_begin) / (stage_end - stage_begin)
        rate = o.lr * min(1, (steps - first + 1) / 30) * (o.floor + (1 - o.floor) * 0.5 * (1 + math.cos(math.pi * at)))
        shares = {"flow": 1, "picture": o.picture_rate, "encoder": 1 if stage == "encoder" else o.encoder_rate}
        for g in opt.param_groups:
            g["lr"] = rate * shares[g["kind"]]
        data = {k: v.to(o.device) for k, v in next(stream).items()}
        used = net.directions().detach()[:, IDS]
        teach = max(o.teach_floor, 1 - at / o.teach) if o.teach > 0 else o.teach_floor
        losses = step(net, probes, data, stage, teach, used, o.bf16, at > o.flow_until or steps % 3 == 0)
        total = sum(losses.values())
        opt.zero_grad(set_to_none=True)
        total.backward()
        if o.processes > 1:
            average_gradients(opt, o.processes)
        if not torch.isfinite(total) and o.processes == 1:
            say("loss is not finite: step skipped")
            continue
        torch.nn.utils.clip_grad_norm_([p for _, p in live], 5)
        opt.step()
        steps, counted = steps + 1, counted + 1
        info = {"samples": info["samples"] + batch * o.processes, "steps": info["steps"] + 1, "seconds": info["seconds"]}
        keep = min(0.99, (1 + steps) / (10 + steps))
        with torch.no_grad():
            torch._foreach_lerp_([ema[k] for k in net.p], list(net.p.values()), 1 - keep)
        for k, v in losses.items():
            total_k, n_k = sums.get(k, (0.0, 0))
            sums[k] = total_k + float(v.detach()), n_k + 1
        if time.time() - told > 20:
            text = " ".join(f"{k} {v / n:.4f}" for k, (v, n) in sums.items())
            say(f"{spent:6.0f} s {stage} step {info['steps']} {o.processes * batch * counted / (time.time() - told):.1f}/s lr {rate:.1e} teach {teach:.2f}: {text}")
            told, sums, counted = time.time(), {}, 0
        if rank == 0 and time.time() - shown > o.show:
            show(net, ema, held, stage, o.run, opt, dict(info, seconds=info["seconds"] + spent), say)
            shown = told = time.time()
    info["seconds"] += time.time() - begin
    if rank == 0:
        show(net, ema, held, stage, o.run, opt, info, say)


def show(net: Liax, ema: dict[str, Tensor], held: Holdout, stage: str, run: str, opt, info: dict, say) -> None:
    """Measure and draw with the averaged weights, then save everything."""
    live = {k: p.detach().clone() for k, p in net.p.items()}
    with torch.no_grad():
        for k, p in net.p.items():
            p.copy_(ema[k])
        if stage == "full":
            measures, grid = held.measure(net)
            say("  held out: " + " ".join(f"{k} {v:.3f}" for k, v in measures.items()))
            Image.fromarray(grid).save(os.path.join(run, f"grid-{info['steps']:06d}.png"))
        else:
            say("  held out: labels R2 " + " ".join(f"{k} {v:.2f}" for k, v in held.labels(net).items()))
        for k, p in net.p.items():
            p.copy_(live[k])
    save_state(run, net, ema, opt, info)
    export(os.path.join(run, "weights.safetensors"), net, ema)


if __name__ == "__main__":
    main()
