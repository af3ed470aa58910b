"""Measures on held-out people: how well a network repeats, transfers and steers motions."""
from __future__ import annotations

import argparse
import json

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from network import Liax
from portraits import EYES, FACE, IDS, LABELS, MOUTH, NAMES, Renderer, to_labels, to_tensor


def psnr(a: Tensor, b: Tensor, where: Tensor | None = None) -> float:
    """Mean over pictures of the PSNR (range [-1,1]); with `where` [B,S,S] only over those pixels."""
    d = (a.clamp(-1, 1) - b).square().mean(1)
    if where is None:
        mse = d.mean((1, 2))
    else:
        n = where.sum((1, 2))
        mse, ok = (d * where).sum((1, 2)) / n.clamp(min=1), n > 3
        mse = mse[ok]
    return float((10 * torch.log10(4 / mse.clamp(min=1e-6))).mean())


def energy(a: Tensor) -> Tensor:
    return (a[:, :, 1:] - a[:, :, :-1]).square().mean((1, 2, 3)) + (a[:, :, :, 1:] - a[:, :, :, :-1]).square().mean((1, 2, 3))


class Holdout:
    """Fixed people and motions: a source, a second motion of the same person, and another person's two motions."""

    def __init__(self, size: int, people: int, first: int = 0):
        r = self.r = Renderer(size)
        src, tgt, lab, flow, seen, d0, dt, cross, cross_lab, ms, mt = ([] for _ in range(11))
        for i in range(people):
            who, other = r.identity(first + i), r.identity(first + (i + people // 2) % people)
            a, b, c, d = (r.random_motion(7919 * (first + i) + k) for k in range(4))
            src.append(r.draw(who, a))
            picture, labels = r.draw(who, b, 1, True)
            tgt.append(picture)
            lab.append(labels)
            for to, what in zip((flow, seen), r.flow()):
                to.append(what)
            ms.append(a)
            mt.append(b)
            # relative: half ranges, so that the sum stays in what is drawn well
            b0, bt, a0 = 0.5 * c, 0.5 * d, 0.5 * a
            d0.append(r.draw(other, b0))
            dt.append(r.draw(other, bt))
            moved = a0 + bt - b0
            moved[[6, 8, 9, 10, 11, 12]] = moved[[6, 8, 9, 10, 11, 12]].clip(0, 1)
            picture, labels = r.draw(who, moved, 1, True)
            cross.append((r.draw(who, a0), picture))
            cross_lab.append(labels)
        t = lambda x: to_tensor(np.stack(x))
        self.src, self.tgt, self.d0, self.dt = t(src), t(tgt), t(d0), t(dt)
        self.cross_src, self.cross = t([c[0] for c in cross]), t([c[1] for c in cross])
        self.lab, self.cross_lab = torch.from_numpy(np.stack(lab)).int(), torch.from_numpy(np.stack(cross_lab)).int()
        self.flow, self.seen = torch.from_numpy(np.stack(flow)), torch.from_numpy(np.stack(seen))
        self.ms, self.mt = torch.from_numpy(np.stack(ms)), torch.from_numpy(np.stack(mt))

    def labels(self, net: Liax) -> dict[str, float]:
        """R2 of what the encoder reads."""
        pictures, want = torch.cat((self.src, self.tgt)), to_labels(torch.cat((self.ms, self.mt)))
        got = torch.cat([net.alpha(net.encode(x)[0])[:, IDS] for x in pictures.split(16)])
        r2 = 1 - (got - want).square().sum(0) / (want - want.mean(0)).square().sum(0)
        return {row[0]: float(v) for row, v in zip(LABELS, r2)}

    def flows(self, net: Liax, levels: int, still: int) -> tuple[list[float], list[float]]:
        """Mean distance between the flow and the true one by level, in pixels: on the face, in the eyes."""
        far = []
        for i in range(0, len(self.src), 16):
            z, f = net.encode(self.src[i:i + 16])
            z = z + net.motion(net.alpha(net.encode(self.tgt[i:i + 16])[0]))
            far.append([F.interpolate(torch.tanh(x[:, :2]), (net.size,) * 2, mode="bilinear") - self.flow[i:i + 16]
                        for x in net.decode(z, f[:levels], picture=False, still=still)[1]])
        where = [self.seen * (self.lab & bits > 0) for bits in (FACE, EYES)]
        far = [torch.cat(level).norm(dim=1) * net.size / 2 for level in zip(*far)]
        return tuple([float((d * w).sum() / w.sum()) for d in far] for w in where)

    def shares(self, net: Liax, levels: int, still: int, people: int = 16) -> dict[str, float]:
        """How much of the true flow the network's is, along it, where one motion alone goes from none to all of it."""
        out = {}
        for name in ("jaw", "smile", "blink", "brows", "gaze-x", "gaze-y"):
            a, rows = np.zeros(16, np.float32), []
            a[[i for i, k in enumerate(NAMES) if k.startswith(name)]] = 1
            for i in range(people):
                who = self.r.identity(i)
                rows.append((self.r.draw(who, 0 * a), self.r.draw(who, a, 1), *self.r.flow()))
            rest, moved, true, seen = (np.stack(x) for x in zip(*rows))
            z, f = net.encode(to_tensor(rest))
            flow = net.decode(z + net.motion(net.alpha(net.encode(to_tensor(moved))[0])), f[:levels], picture=False, still=still)[1][-1]
            got, true = F.interpolate(torch.tanh(flow[:, :2]), (net.size,) * 2, mode="bilinear"), torch.from_numpy(true * seen[:, None])
            out[name] = float((got * true).sum() / true.square().sum())
        return out

    def run(self, net: Liax, levels: int | None = None, still: int = 0) -> tuple[Tensor, Tensor]:
        own, rel = [], []
        for s, t, cs, d0, dt in zip(*(x.split(16) for x in (self.src, self.tgt, self.cross_src, self.d0, self.dt))):
            z, f = net.encode(s)
            own.append(net.decode(z + net.motion(net.alpha(net.encode(t)[0])), f[:levels], still=still)[0])
            z, f = net.encode(cs)
            move = net.alpha(net.encode(dt)[0]) - net.alpha(net.encode(d0)[0])
            rel.append(net.decode(z + net.motion(net.alpha(z) + move), f[:levels], still=still)[0])
        return tuple(F.interpolate(torch.cat(x), (net.size,) * 2, mode="bilinear") for x in (own, rel))

    @torch.no_grad()
    def show(self, net: Liax, stage: str, levels: int, still: int, path: str, say) -> None:
        """What can be told in the middle of training."""
        say("  labels, R2: " + " ".join(f"{k} {v:.3f}" for k, v in self.labels(net).items()))
        if stage != "encoder":
            say("  flow, pixels off: " + ", ".join(n + " " + " ".join(f"{v:.2f}" for v in x) for n, x in zip(("face", "eyes"), self.flows(net, levels, still))))
            say("  share of the true flow: " + " ".join(f"{k} {v:.2f}" for k, v in self.shares(net, levels, still).items()))
        if stage == "picture":
            measures, grid = self.measure(net, levels, still)
            say("  held out: " + " ".join(f"{k} {v:.3f}" for k, v in measures.items()))
            Image.fromarray(grid).save(path)

    @torch.no_grad()
    def measure(self, net: Liax, levels: int | None = None, still: int = 0) -> tuple[dict[str, float], np.ndarray]:
        own, rel = self.run(net, levels, still)
        eyes, mouth = (self.lab & EYES > 0).float(), (self.lab & MOUTH > 0).float()
        ceyes, cmouth = (self.cross_lab & EYES > 0).float(), (self.cross_lab & MOUTH > 0).float()
        m = {"self": psnr(own, self.tgt), "copy": psnr(self.src, self.tgt),
             "rel": psnr(rel, self.cross), "rel-copy": psnr(self.cross_src, self.cross),
             "eyes": psnr(own, self.tgt, eyes), "eyes-copy": psnr(self.src, self.tgt, eyes),
             "mouth": psnr(own, self.tgt, mouth), "mouth-copy": psnr(self.src, self.tgt, mouth),
             "rel-eyes": psnr(rel, self.cross, ceyes), "rel-eyes-copy": psnr(self.cross_src, self.cross, ceyes),
             "rel-mouth": psnr(rel, self.cross, cmouth), "rel-mouth-copy": psnr(self.cross_src, self.cross, cmouth),
             "sharp": float((energy(own.clamp(-1, 1)) / energy(self.tgt)).mean())}
        want, got = to_labels(self.mt), torch.cat([net.alpha(net.encode(x)[0])[:, IDS] for x in own.clamp(-1, 1).split(16)])
        for i, row in enumerate(LABELS):
            if row[0] in ("yaw", "jaw", "blink", "smile", "gaze-x", "brows"):
                m["r:" + row[0]] = float(np.corrcoef(want[:, i].numpy(), got[:, i].numpy())[0, 1])
        rows = torch.cat([torch.cat((self.src[:10], self.tgt[:10], own[:10]), 2), torch.cat((self.cross_src[:10], self.cross[:10], rel[:10]), 2)], 2)
        grid = torch.cat(list(rows), 2).clamp(-1, 1)
        return m, ((grid.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()


# name, renderer's motions and their signs, one-sided, lowest and highest useful value in units of the main motion id, note
CONTROLS = (
    ("yaw", {"yaw": 1}, False, -0.45, 0.45, "plus turns the head to the viewer's right"),
    ("pitch", {"pitch": 1}, False, -0.45, 0.45, "plus looks up"),
    ("roll", {"roll": 1}, False, -0.45, 0.45, "plus tips the head to the viewer's right"),
    ("x", {"x": 1}, False, -0.45, 0.45, "plus moves to the viewer's right"),
    ("y", {"y": 1}, False, -0.45, 0.45, "plus moves up"),
    ("scale", {"scale": 1}, False, -0.45, 0.45, "plus comes nearer"),
    ("mouth-open", {"jaw": 1}, True, 0.0, 0.6, "plus opens the mouth"),
    ("smile", {"smile": 1}, False, -0.45, 0.45, "plus smiles, minus is sad"),
    ("pout", {"pout": 1}, True, 0.0, 0.6, "plus pushes the lips out"),
    ("oh", {"oh": 1}, True, 0.0, 0.6, "plus rounds the lips"),
    ("cheeks", {"cheeks": 1}, True, 0.0, 0.6, "plus blows up the cheeks"),
    ("eyes-open", {"blink-left": -1, "blink-right": -1}, False, -0.8, 0.0, "minus closes both eyes"),
    ("wink", {"blink-left": -1, "blink-right": 1}, False, -0.4, 0.4, "plus closes the viewer's right eye and opens the left"),
    ("brows", {"brows": 1}, False, -0.4, 0.4, "plus raises the brows, minus frowns"),
    ("gaze-x", {"gaze-x": 1}, False, -0.4, 0.4, "plus looks to the viewer's right"),
    ("gaze-y", {"gaze-y": 1}, False, -0.4, 0.4, "plus looks up"),
)
# The renderer's motion behind each control, what it is measured by: label name and sign.
READ = {"mouth-open": ("jaw", -1), "eyes-open": ("blink", 1)}


def regress(net: Liax, people: int, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of the encoder's alpha on the renderer's motions: rows of [16,M], and R2 by motion id."""
    r, pictures, motions = Renderer(net.size), [], []
    for i in range(people):
        m = r.random_motion(31 * i + 5)
        pictures.append(r.draw(r.identity(first + i), m))
        motions.append(m)
    x = to_tensor(np.stack(pictures))
    with torch.no_grad():
        alpha = torch.cat([net.alpha(net.encode(p)[0]) for p in x.split(16)]).numpy()
    a = np.concatenate((np.stack(motions), np.ones((people, 1), np.float32)), 1)
    fit, *_ = np.linalg.lstsq(a, alpha, rcond=None)
    rest = alpha - a @ fit
    return fit[:16], 1 - (rest**2).sum(0) / np.maximum(((alpha - alpha.mean(0)) ** 2).sum(0), 1e-12)


def find_controls(net: Liax, people: int = 200) -> list[dict]:
    """Each control's vector in alpha: how the encoder's alpha moves when the renderer moves one thing. Training gave
    every motion an id of its own; what else moves counts where both are read well and it moves at least a third as much."""
    fit, r2 = regress(net, people, 200)
    out = []
    for name, mix, one_sided, low, high, note in CONTROLS:
        v = sum(sign * fit[NAMES.index(k)] for k, sign in mix.items())
        label, sign = READ.get(name, (name, 1))
        _, own, gain, _ = LABELS[[row[0] for row in LABELS].index(label)]
        well = abs(v[own]) > 0.5 * abs(gain) and r2[own] > 0.5
        v = v / max(abs(v[own]), 1e-6)
        vector = {str(own): float(sign)}
        vector.update({str(i): round(float(v[i]), 3) for i in range(len(v)) if i != own and well and r2[i] > 0.5 and abs(v[i]) > 0.34})
        out.append({"name": name, "min": low, "max": high, "one_sided": one_sided, "vector": vector, "note": note})
    return out


@torch.no_grad()
def try_controls(net: Liax, controls: list[dict], people: int = 8) -> dict[str, dict]:
    """Edit people at rest with each control at five values and read the motion back from the pictures (r, slope,
    monotonic). At the far end, compare the change with the drawn one: its cosine, and its size along it."""
    r, names = Renderer(net.size), [row[0] for row in LABELS]
    rest = np.zeros(16, np.float32)
    x = to_tensor(np.stack([r.draw(r.identity(i), rest) for i in range(people)]))
    z, feats = net.encode(x)
    out = {}
    for c in controls:
        label, sign = READ.get(c["name"], (c["name"], 1))
        far = c["min"] if c["name"] == "eyes-open" else c["max"]
        moved = rest.copy()
        mix = next(row[1] for row in CONTROLS if row[0] == c["name"])
        for k, k_sign in mix.items():
            moved[NAMES.index(k)] = k_sign * far / abs(LABELS[names.index(label)][2])
        drawn, base = to_tensor(np.stack([r.draw(r.identity(i), moved) for i in range(people)])), None
        steps, reads = np.linspace(c["min"], c["max"], 5), []
        for s in steps:
            delta = torch.zeros(1, net.motions)
            for k, v in c["vector"].items():
                delta[0, int(k)] = float(v) * s
            y = net.decode(z + net.motion(net.alpha(z) + delta), feats)[0].clamp(-1, 1)
            if s == far:
                base = net.decode(z + net.motion(net.alpha(z)), feats)[0].clamp(-1, 1)
                change, want = (y - base).flatten(1), (drawn - x).flatten(1)
                dot = (change * want).sum(1)
                cosine, size = dot / (change.norm(dim=1) * want.norm(dim=1)), dot / want.square().sum(1)
            reads.append(sign * net.alpha(net.encode(y)[0])[:, IDS[names.index(label)]].numpy())
        reads = np.stack(reads)  # [5, people]
        mean = reads.mean(1)
        out[c["name"]] = {"r": float(np.corrcoef(np.repeat(steps, people), reads.ravel())[0, 1]),
                          "slope": float(np.polyfit(steps, mean, 1)[0]), "monotonic": bool((np.diff(mean) > 0).all()),
                          "cosine": float(cosine.mean()), "size": float(size.mean())}
    return out


@torch.no_grad()
def draw_controls(net: Liax, controls: list[dict], who: int) -> np.ndarray:
    """One row per control: its values from lowest to highest on one person."""
    r = Renderer(net.size)
    x = to_tensor(r.draw(r.identity(who), np.zeros(16, np.float32))[None])
    z, feats = net.encode(x)
    rows = []
    for c in controls:
        row = [x[0]]
        for s in np.linspace(c["min"], c["max"], 5):
            delta = torch.zeros(1, net.motions)
            for k, v in c["vector"].items():
                delta[0, int(k)] = float(v) * s
            row.append(net.decode(z + net.motion(net.alpha(z) + delta), feats)[0][0])
        rows.append(torch.cat(row, 2))
    half = (len(rows) + 1) // 2
    grid = torch.cat((torch.cat(rows[:half], 1), torch.cat(rows[half:], 1)), 2).clamp(-1, 1)
    return ((grid.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("weights", help="safetensors checkpoint")
    a.add_argument("--people", type=int, default=64)
    a.add_argument("--controls", help="write controls.json here")
    a.add_argument("--pictures", help="write PREFIX-compare.png and PREFIX-controls.png")
    a.add_argument("--threads", type=int, default=1)
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    net = Liax.from_checkpoint({k: v.float() for k, v in load_file(o.weights).items()})
    held = Holdout(net.size, o.people)
    measures, grid = held.measure(net)
    controls = find_controls(net)
    tried = try_controls(net, controls)
    with torch.no_grad():
        r2 = held.labels(net)
    print(json.dumps({"size": net.size, "people": o.people, "measures": measures, "labels_r2": r2, "controls": tried}, indent=1))
    if o.controls:
        with open(o.controls, "w") as f:
            f.write('{"controls": [\n' + ",\n".join("  " + json.dumps(c) for c in controls) + "\n]}\n")
    if o.pictures:
        Image.fromarray(grid).save(o.pictures + "-compare.png")
        Image.fromarray(draw_controls(net, controls, 5)).save(o.pictures + "-controls.png")


if __name__ == "__main__":
    main()
