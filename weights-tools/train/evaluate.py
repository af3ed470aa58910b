"""Measures on held-out people: how well a network repeats, transfers and steers motions."""
from __future__ import annotations

import argparse
import json

import numpy as np
import torch
from torch import Tensor

from network import Liax
from portraits import BROWS, EYES, FACE, IDS, LABELS, MOUTH, Renderer, to_labels, to_tensor


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
        src, tgt, lab, d0, dt, cross, cross_lab, ms, mt, me = ([] for _ in range(10))
        for i in range(people):
            who, other = r.identity(first + i), r.identity(first + (i + people // 2) % people)
            a, b, c, d = (r.random_motion(7919 * (first + i) + k) for k in range(4))
            src.append(r.draw(who, a))
            picture, labels = r.draw(who, b, 1, True)
            tgt.append(picture)
            lab.append(labels)
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
            me.append(moved)
        t = lambda x: to_tensor(np.stack(x))
        self.src, self.tgt, self.d0, self.dt = t(src), t(tgt), t(d0), t(dt)
        self.cross_src, self.cross = t([c[0] for c in cross]), t([c[1] for c in cross])
        self.lab, self.cross_lab = torch.from_numpy(np.stack(lab)).int(), torch.from_numpy(np.stack(cross_lab)).int()
        self.ms, self.mt = torch.from_numpy(np.stack(ms)), torch.from_numpy(np.stack(mt))

    def labels(self, net: Liax) -> dict[str, float]:
        pictures, want = torch.cat((self.src, self.tgt)), to_labels(torch.cat((self.ms, self.mt)))
        got = torch.cat([net.alpha(net.encode(x)[0])[:, IDS] for x in pictures.split(16)])
        r2 = 1 - (got - want).square().sum(0) / (want - want.mean(0)).square().sum(0)
        return {row[0]: float(v) for row, v in zip(LABELS, r2)}

    def run(self, net: Liax) -> tuple[Tensor, Tensor]:
        own, rel = [], []
        for s, t, cs, d0, dt in zip(*(x.split(16) for x in (self.src, self.tgt, self.cross_src, self.d0, self.dt))):
            z, f = net.encode(s)
            own.append(net.decode(z + net.motion(net.alpha(net.encode(t)[0])), f)[0])
            z, f = net.encode(cs)
            move = net.alpha(net.encode(dt)[0]) - net.alpha(net.encode(d0)[0])
            rel.append(net.decode(z + net.motion(net.alpha(z) + move), f)[0])
        return torch.cat(own), torch.cat(rel)

    @torch.no_grad()
    def measure(self, net: Liax) -> tuple[dict[str, float], np.ndarray]:
        own, rel = self.run(net)
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
