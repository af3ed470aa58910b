"""Train the demo LIA-X on drawn portraits.

What the renderer knows teaches every part of the network by itself: the motions' values the encoder, the true flow every
level's flow, what the source shows the masks. Where a part still errs, the truth takes its place in some of the samples, so
that what comes after it can learn already. Every picture of a pair is source once and target once.
"""
from __future__ import annotations

import argparse
import glob
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from evaluate import Holdout
from network import HALF_OPEN, Liax, level_name
from optimizer import Optimizer
from portraits import (BODY, BROWS, EYES, FACE, FREE_IDS, HAIR, HELD_OUT, IDS, INSIDE, IRIS, LABEL_WEIGHT, LABELS, MOUTH, Renderer, Stream,
                       to_labels)

GAZE = [i for i, row in enumerate(LABELS) if row[0].startswith("gaze")]
TRAIT_SCALE: list[Tensor] = []
HEADS = ("probe.", "place.")  # readouts that only training has
PART = 12 << 20  # bytes of state per file


def save_state(path: str, net: Liax, ema: dict[str, Tensor], opt: Optimizer, info: dict) -> None:
    """All that a run needs to go on, in safetensors files of PART bytes at most."""
    tensors = {f"net.{k}": p.detach() for k, p in net.p.items()} | {f"ema.{k}": v for k, v in ema.items()}
    tensors |= {f"net.{k}": p.detach() for k, p in opt.params.items() if k.startswith(HEADS)}
    tensors |= {f"{name}.{k}": s[name] for k, s in opt.state.items() for name in ("first", "second") if name in s}
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
    with open(os.path.join(path, "state.json"), "w") as f:
        json.dump(dict(info, size=net.size, widths=net.widths, motions=net.motions), f)


def load_state(path: str) -> tuple[Liax, dict[str, Tensor], dict]:
    with open(os.path.join(path, "state.json")) as f:
        info = json.load(f)
    tensors = {}
    for part in glob.glob(os.path.join(path, "state-*.safetensors")):
        tensors.update(load_file(part))
    net = Liax(info["size"], info["widths"], info["motions"])
    net.restore({k[4:].replace("/", "."): v for k, v in tensors.items() if k.startswith("net.") and not k[4:].startswith(HEADS)})
    return net, tensors, info


def export(path: str, net: Liax) -> None:
    save_file({k: v.half().cpu().contiguous() for k, v in net.checkpoint().items()}, path + ".new")
    os.rename(path + ".new", path)


def smaller(x: Tensor, k: int) -> Tensor:
    return F.avg_pool2d(x, k) if k > 1 else x


def far_off(e: Tensor) -> Tensor:
    """The size of an error of the flow, and what lies many pixels off (a lid that stays where it was) counts more for it:
    sizes alone would be content with the middle of what is possible, which is a lid that hardly moves."""
    return e.abs() + 20 * e.square()


class Teacher:
    """What the renderer knows about one batch of targets, at the size of every level."""

    def __init__(self, flow: Tensor, seen: Tensor, lab: Tensor, sizes: list[int]):
        lab, seen = lab.int()[:, None], seen[:, None]
        face = (lab & FACE > 0).float()
        self.weight = 1 + 5 * ((lab & (EYES | MOUTH)) > 0).float() * face + 2 * ((lab & BROWS) > 0).float() * face
        # what moves on the wall is not seen: the flow need not be still there, and may run on smoothly over the outline
        person = ((lab & (FACE | HAIR | BODY)) > 0).float()
        # lids and irises are small: they count three times as much again in the flow
        q = (self.weight + 12 * ((lab & EYES) > 0).float() * face) * seen * (0.02 + 0.98 * person)
        self.flow, self.seen, self.q, self.w = [], [], [], []
        for s in sizes:
            k = flow.shape[-1] // s
            self.q.append(smaller(q, k))
            self.flow.append(smaller(flow * q, k) / self.q[-1].clamp(min=1e-4) * (s / (s - 1)))
            self.seen.append(smaller(seen, k) * (0.5 if s <= HALF_OPEN else 0.95))
            self.w.append(smaller(self.weight, k))

    def losses(self, flows: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Mean error of the flow and of its slope, in tenths of 1/128 of the picture; cross-entropy of the masks."""
        far = mask = 0
        for f, true, seen, q, w in zip(flows, self.flow, self.seen, self.q, self.w):
            e = torch.tanh(f[:, :2]) - true
            far = far + 6.4 * (q * far_off(e)).sum() / q.sum()
            for axis in (2, 3):  # lids, lips and brows move against their surroundings: there a common error does not count
                n = e.shape[axis] - 1
                v = torch.minimum(q.narrow(axis, 1, n), q.narrow(axis, 0, n))
                far = far + 6.4 * (v * far_off(e.diff(dim=axis))).sum() / v.sum()
            mask = mask + (w * F.binary_cross_entropy_with_logits(f[:, 2:], seen, reduction="none")).sum() / w.sum()
        return far / len(flows), mask / len(flows)


def picture_loss(y: Tensor, t: Tensor, w: Tensor) -> Tensor:
    d = y - t
    loss = (w * d.abs()).sum() / (3 * w.sum())
    for axis in (2, 3):
        a = d.narrow(axis, 1, d.shape[axis] - 1) - d.narrow(axis, 0, d.shape[axis] - 1)
        v = w.narrow(axis, 1, d.shape[axis] - 1)
        loss = loss + (v * a.abs()).sum() / (3 * v.sum())
    return loss


def sharpness_loss(y: Tensor, t: Tensor, w: Tensor) -> Tensor:
    """How much detail 8x8 pixels hold, wherever in them it lies: what is a little off its place need not be blurred."""
    def detail(x: Tensor) -> Tensor:
        dx, dy = x[:, :, :-1, 1:] - x[:, :, :-1, :-1], x[:, :, 1:, :-1] - x[:, :, :-1, :-1]
        return (F.avg_pool2d(F.pad(dx.square() + dy.square(), (0, 1, 0, 1)), 8) + 1e-3).sqrt()
    w = F.avg_pool2d(w, 8)
    return (w * (detail(y) - detail(t)).abs()).sum() / (3 * w.sum())


def label_loss(read: Tensor, want: Tensor, motion: Tensor) -> Tensor:
    e = 4 * (read - want)  # of about 1
    loss = LABEL_WEIGHT.to(read) * F.smooth_l1_loss(e, torch.zeros_like(e), beta=0.1, reduction="none")
    open_eyes = torch.ones_like(loss)
    open_eyes[:, GAZE] = 1 - 0.9 * motion[:, 11:13].mean(1, keepdim=True)  # closed eyes do not tell where they look
    return (open_eyes * loss).mean()


def place_at_rest(batch: dict) -> Tensor:
    """[B,2,S,S]: where every place of the picture is in the person's picture at rest, across and down from -1 to 1."""
    line = torch.linspace(-1, 1, batch["rest"].shape[-1], device=batch["rest"].device)
    return batch["rest"] + torch.stack(torch.meshgrid(line, line, indexing="xy"))


class Probes(torch.nn.Module):
    """Linear readouts for training only. Of the coarse features: where eyes, irises, brows, mouth, face, hair and body are,
    and which place of the person at rest every place shows, which teaches an encoder faster than one number per picture."""

    def __init__(self, net: Liax):
        super().__init__()
        self.heads = torch.nn.ModuleList(torch.nn.Conv2d(w, 10, 1) for w in net.widths[1:4])

    def forward(self, feats: list[Tensor], batch: dict) -> Tensor:
        lab = batch["lab"].int()
        maps = torch.stack([(lab & (1 << i) > 0).float() for i in range(8)], 1)
        scale = maps.new_tensor([1, 3, 3, 3, 1, 1, 6, 4]).view(1, -1, 1, 1)
        place = place_at_rest(batch)
        known = (batch["rest_seen"] * ((lab & (FACE | HAIR | BODY)) > 0))[:, None]
        loss = 0
        for head, f in zip(self.heads, feats):
            k, q = lab.shape[-1] // f.shape[-1], head(f.float())
            m = smaller(known, k)
            loss = loss + (scale * (q[:, :8] - smaller(maps, k))).square().mean()
            loss = loss + 4 * (m * q[:, 8:] - smaller(place * known, k)).abs().mean()
        return loss


class Places(torch.nn.Module):
    """For training only: linear readouts of the flow branch's features, of where eyes, brows and mouth are and
    which part of them is at a place. What moves there can be told only by features that know."""

    def __init__(self, net: Liax):
        super().__init__()
        self.heads = torch.nn.ModuleList(torch.nn.Conv2d(w, 11, 1) for w in net.widths[1:])

    @staticmethod
    def maps(batch: dict) -> Tensor:
        """[B,11,S,S]: masks of the irises and of the open mouth; eyes, brows and mouth: each as a mask, and across and down
        in it from -1 to 1 or so."""
        lab, place = batch["lab"].int(), place_at_rest(batch)
        out = [(lab & bit > 0).float()[:, None] for bit in (IRIS, INSIDE)]
        for bit in (EYES, BROWS, MOUTH):
            m = ((lab & bit > 0) & (lab & FACE > 0)).float()[:, None]
            sides = (m,)
            if bit != MOUTH:
                middle = (m * place[:, :1]).sum((2, 3), keepdim=True) / m.sum((2, 3), keepdim=True).clamp(min=1)
                sides = (m * (place[:, :1] < middle), m * (place[:, :1] >= middle))
            inside = 0
            for side in sides:
                n = side.sum((2, 3), keepdim=True).clamp(min=1)
                d = place - (side * place).sum((2, 3), keepdim=True) / n
                inside = inside + side * d / (2 * ((side * d.square()).sum((2, 3), keepdim=True) / n).sqrt()).clamp(min=1e-3)
            out += [m, inside]
        return torch.cat(out, 1)

    def forward(self, inner: list[Tensor], batch: dict) -> Tensor:
        maps, loss = self.maps(batch), 0
        near = 1 + 20 * (maps[:, 2::3].sum(1, keepdim=True) > 0)
        for head, h in zip(self.heads, inner):
            k = maps.shape[-1] // h.shape[-1]
            w = smaller(near.float(), k)
            loss = loss + (w * (head(h.float()) - smaller(maps, k)).square()).sum() / (11 * w.sum())
        return loss / len(inner)


def traits_of(batch: dict) -> Tensor:
    """Mean 0 and spread 1 over people."""
    if not TRAIT_SCALE:
        r = Renderer(8)
        people = np.stack([r.traits(r.identity(i)) for i in range(HELD_OUT)])
        TRAIT_SCALE.extend((torch.from_numpy(people.mean(0)), torch.from_numpy(people.std(0))))
    return (batch["traits"] - TRAIT_SCALE[0].to(batch["traits"])) / TRAIT_SCALE[1].to(batch["traits"])


def code_step(net: Liax, batch: dict, o: argparse.Namespace) -> dict[str, Tensor]:
    """The flow branch alone, without features, fed with what an encoder would tell: the motions well, of the traits 40 %."""
    want, n, traits = to_labels(batch["motion"]), len(batch["img"]), traits_of(batch)
    other, q = torch.arange(n) ^ 1, net.directions()
    unknown = torch.randn(n // 2, traits.shape[1]).repeat_interleave(2, 0)
    z = net.source_code(want) + (0.4 * traits + 0.49 * unknown) @ q[:, FREE_IDS].T
    feats = [torch.zeros(n, w, 8 << i, 8 << i, dtype=torch.bfloat16 if o.bf16 else None).contiguous(memory_format=torch.channels_last)
             for i, w in enumerate(net.widths[1:o.levels + 1])]
    teacher = Teacher(batch["flow"][other], batch["seen"][other], batch["lab"][other], [f.shape[-1] for f in feats])
    far, mask = teacher.losses(net.decode(z + want[other] @ q[:, IDS].T, feats, picture=False)[1])
    return {"flow": far, "mask": 0.3 * mask}


def step(net: Liax, probes: Probes, places: Places, batch: dict, o: argparse.Namespace, teach: float, force: float) -> dict[str, Tensor]:
    """teach: in this share of the samples the decoder is told the true motions; force: in this share it warps truly."""
    img = batch["img"].contiguous(memory_format=torch.channels_last)
    n, want = len(img), to_labels(batch["motion"])
    with torch.set_grad_enabled(o.encoder_rate > 0):
        z, feats = net.encode(img.bfloat16() if o.bf16 else img)
    read = net.alpha(z)[:, IDS]
    out = {}
    if o.encoder_rate > 0:
        out["label"] = 4 * label_loss(read, want, batch["motion"])
        out["probe"] = 0.5 * probes(feats, batch)
        out["traits"] = 0.5 * F.smooth_l1_loss(z @ net.directions()[:, FREE_IDS], traits_of(batch), beta=0.5)
    if o.stage == "encoder":
        return out
    other = torch.arange(n, device=img.device) ^ 1  # picture i is moved to its partner's motion
    told = (torch.rand(n, 1, device=img.device) < teach).float()
    alpha = torch.zeros(n, net.motions, device=img.device)
    alpha[:, IDS] = (read + told * (want + 0.01 * torch.randn_like(want) - read))[other]
    z = z + told * (net.source_code(want) - net.source_code(read))
    feats = feats[:o.levels]
    teacher = Teacher(batch["flow"][other], batch["seen"][other], batch["lab"][other], [f.shape[-1] for f in feats])
    which = (torch.rand(n, 1, 1, 1, device=img.device) < force).float()
    inner: list[Tensor] = []
    y, flows = net.decode(z + net.motion(alpha), feats, (which, teacher.flow, teacher.seen), o.stage == "picture", o.still, inner)
    far, mask = teacher.losses(flows)
    out["place"] = o.place * places(inner, {k: batch[k][other] for k in ("lab", "rest")})
    out["flow"], out["mask"] = 2 * far, 0.3 * mask
    if y is not None:
        k = net.size // y.shape[-1]
        out["picture"] = 2 * picture_loss(y, smaller(img[other], k), teacher.w[-1])
        out["sharp"] = o.sharp * sharpness_loss(y, smaller(img[other], k), teacher.w[-1])
    return out


def kind(key: str) -> str:
    return "encoder" if key.startswith(("enc", "probe")) else "picture" if "rgb" in key or "_2_up" in key else "flow"


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--run", required=True, help="folder for state, log and pictures")
    a.add_argument("--resume", help="a run's folder to go on from, with its averaged weights")
    a.add_argument("--weights", help="a safetensors checkpoint to start from")
    a.add_argument("--encoder", help="a safetensors checkpoint whose encoder to start from, with all else new")
    a.add_argument("--flow", help="a run's folder whose flow branch to take as far as it was trained")
    a.add_argument("--stage", choices=("code", "encoder", "flow", "picture"), default="picture",
                   help="what is trained: the flow branch from codes and 32x32 drawings; the encoder; with it the flow branch; all")
    a.add_argument("--seconds", type=float, default=3600, help="length of the run; rates follow the clock")
    a.add_argument("--levels", type=int, default=6, help="levels of the decoder, from 8x8 up; pictures are compared at the last one's size")
    a.add_argument("--still", type=int, default=0, help="so many of the finest levels of the whole decoder take the flow over as it is")
    a.add_argument("--teach", type=float, nargs=2, default=(0.25, 0.25), help="share of samples with true motions, at the start and the end")
    a.add_argument("--force", type=float, nargs=2, default=(0.3, 0.3), help="share of samples with true flows")
    a.add_argument("--place", type=float, default=3, help="weight of what the flow branch should know of eyes, brows and mouth")
    a.add_argument("--same-pose", type=float, default=0, help="share of pairs in which the face alone moves")
    a.add_argument("--widths", default="64,64,48,24,8,8", help="channels at 4x4, 8x8, ... size")
    a.add_argument("--pairs", type=int, default=16, help="pairs of pictures in a step")
    a.add_argument("--lr", type=float, default=1e-2)
    a.add_argument("--floor", type=float, default=0.03, help="the last rate, as a share of the first")
    a.add_argument("--encoder-rate", type=float, default=1, help="the encoder's rate as a share of --lr; 0 saves its half of the time")
    a.add_argument("--picture-rate", type=float, default=1, help="the picture branch's rate as a share of --lr")
    a.add_argument("--sharp", type=float, default=0, help="weight of the loss of detail")
    a.add_argument("--fit-colours", action="store_true", help="let the untrained picture branch begin as a copier")
    a.add_argument("--threads", type=int, default=1)
    a.add_argument("--device", default="cpu")
    a.add_argument("--bf16", action="store_true", help="features in bfloat16 (for a GPU); weights, latents, flows and losses stay float32")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--show", type=float, default=120, help="seconds between pictures, measures and saved states")
    train(a.parse_args())


def train(o: argparse.Namespace) -> None:
    torch.manual_seed(o.seed)
    torch.set_num_threads(o.threads)
    saved, info = {}, {"samples": 0, "steps": 0, "seconds": 0.0}
    if o.resume:
        net, saved, info = load_state(o.resume)
        net.restore({k[4:].replace("/", "."): v for k, v in saved.items() if k.startswith("ema.")})
    elif o.weights:
        net = Liax.from_checkpoint({k: v.float() for k, v in load_file(o.weights).items()})
    else:
        widths = [int(w) for w in o.widths.split(",")]
        net = Liax(2 << len(widths), widths)
        if o.encoder:
            net.take_encoder({k: v.float() for k, v in load_file(o.encoder).items()})
    if o.flow:
        _, tensors, past = load_state(o.flow)
        levels = [level_name(i) for i in range(past["levels"])]
        start = ("dec/input", "dec/conv1/", *(f"dec/conv{t}_" for t in levels), *(f"dec/flow{t}/" for t in levels))
        net.restore({k[4:].replace("/", "."): v for k, v in tensors.items() if k.startswith("ema.") and k[4:].startswith(start) and kind(k[4:]) == "flow"})
        if past["stage"] == "code":  # what the finer levels added does not fit any more
            for t in (level_name(i) for i in range(past["levels"], len(net.widths) - 1)):
                net.put(f"dec.flow{t}.conv.weight", 0 * net.get(f"dec.flow{t}.conv.weight"))
    if o.fit_colours:
        net.fit_colours()
    net.to(o.device)
    probes, places = Probes(net).to(o.device), Places(net).to(o.device)
    heads = {f"probe.{k}": p for k, p in probes.named_parameters()} | {f"place.{k}": p for k, p in places.named_parameters()}
    with torch.no_grad():
        for k, p in heads.items():
            if f"net.{k}" in saved:
                p.copy_(saved[f"net.{k}"])
    for p in net.p.values():
        if p.dim() == 4:
            p.data = p.data.contiguous(memory_format=torch.channels_last)
    fixed = ("enc/enc_r2t/0/weight", "enc/enc_r2t/0/bias", "dec/direction/weight")
    for k in fixed:
        net.p[k].requires_grad_(False)
    rates = {"encoder": o.encoder_rate, "flow": 1, "picture": o.picture_rate}
    live = {k: p for k, p in net.p.items() if p.requires_grad} | heads
    opt = Optimizer(live, lambda k: rates[kind(k)])
    opt.load(saved)
    ema = {k: p.detach().clone() for k, p in net.p.items()}
    os.makedirs(o.run, exist_ok=True)
    log = open(os.path.join(o.run, "log.txt"), "a")

    def say(text: str) -> None:
        print(text, flush=True)
        print(text, file=log, flush=True)

    say(f"{sum(p.numel() for p in net.parameters())} parameters, size {net.size}, widths {net.widths}, {vars(o)}")
    held = Holdout(net.size, 32)
    size, samples = (32, 1) if o.stage == "code" else (net.size, 2)
    stream = Stream(size, o.pairs, o.seed * 1000 + info["steps"], samples, o.same_pose)
    begin = shown = told = time.time()
    before, steps, sums, counted = info["seconds"], 0, {}, 0

    def finish() -> None:
        """Measure and draw with the averaged weights, then save everything."""
        live_now = {k: p.detach().clone() for k, p in net.p.items()}
        with torch.no_grad():
            for k, p in net.p.items():
                p.copy_(ema[k])
            if o.stage != "code":
                held.show(net, o.stage, o.levels, o.still, os.path.join(o.run, f"grid-{info['steps']:06d}.png"), say)
        export(os.path.join(o.run, "weights.safetensors"), net)
        with torch.no_grad():
            for k, p in net.p.items():
                p.copy_(live_now[k])
        save_state(o.run, net, ema, opt, info)

    while (spent := time.time() - begin) < o.seconds:
        at = spent / o.seconds
        rate = o.lr * min(1, (steps + 1) / 30) * (o.floor + (1 - o.floor) * 0.5 * (1 + math.cos(math.pi * at)))
        batch = {k: v.to(o.device) for k, v in next(stream).items()}
        teach, force = (a + (b - a) * min(1, 1.5 * at) for a, b in (o.teach, o.force))
        losses = code_step(net, batch, o) if o.stage == "code" else step(net, probes, places, batch, o, teach, force)
        total = sum(losses.values())
        for p in live.values():
            p.grad = None
        total.backward()
        if not torch.isfinite(total):
            say("loss is not finite: step skipped")
            continue
        opt.step(rate)
        steps, counted = steps + 1, counted + 1
        info = {"samples": info["samples"] + 2 * o.pairs, "steps": info["steps"] + 1, "seconds": before + spent,
                "levels": o.levels, "stage": o.stage}
        with torch.no_grad():
            torch._foreach_lerp_([ema[k] for k in net.p], list(net.p.values()), 1 - min(0.995, (1 + steps) / (10 + steps)))
        for k, v in losses.items():
            sums[k] = sums.get(k, 0.0) + float(v.detach())
        if time.time() - told > 20:
            text = " ".join(f"{k} {v / counted:.4f}" for k, v in sums.items())
            say(f"{spent:6.0f} s step {info['steps']} {2 * o.pairs * counted / (time.time() - told):.1f}/s lr {rate:.1e} teach {teach:.2f} force {force:.2f}: {text}")
            told, sums, counted = time.time(), {}, 0
        if time.time() - shown > o.show:
            finish()
            shown = told = time.time()
            sums, counted = {}, 0
    info["seconds"] = before + time.time() - begin
    finish()


if __name__ == "__main__":
    main()
