"""Muon for matrices, Adam for the rest."""
from __future__ import annotations

import torch
from torch import Tensor


def orthogonal(g: Tensor) -> Tensor:
    """Newton-Schulz: the nearest matrix with equal singular values, roughly, for each of [N,r,c], r <= c."""
    x = g / (g.norm(dim=(1, 2), keepdim=True) + 1e-12)
    for _ in range(5):
        a = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(a, a, a, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return x


class Optimizer:
    """Every step moves a matrix by its rate in the root mean square: momentum 0.95, made orthogonal. What is no matrix
    (biases, gammas, three-channel layers) moves by Adam. `rate` maps a key to its share of the learning rate."""

    def __init__(self, params: dict[str, Tensor], rate):
        self.params, self.rate, self.state = params, rate, {}

    def is_matrix(self, p: Tensor) -> bool:
        return p.dim() > 1 and min(self.rows(p), p.numel() // self.rows(p)) >= 8

    @staticmethod
    def rows(p: Tensor) -> int:
        return p.shape[1] if p.dim() == 5 else p.shape[0]

    @torch.no_grad()
    def step(self, lr: float) -> None:
        alike: dict[tuple[int, int], list] = {}
        for k, p in self.params.items():
            if p.grad is None:
                continue
            s = self.state.setdefault(k, {"first": torch.zeros_like(p), "n": 0})
            s["n"] += 1
            if self.is_matrix(p):
                s["first"].lerp_(p.grad, 0.05)
                g = p.grad.lerp(s["first"], 0.95).reshape(self.rows(p), -1)
                g = g if g.shape[0] <= g.shape[1] else g.mT
                alike.setdefault(tuple(g.shape), []).append((k, p, g))
            else:
                second = s.setdefault("second", torch.zeros_like(p))
                s["first"].lerp_(p.grad, 0.1)
                second.lerp_(p.grad.square(), 0.01)
                n = s["n"]
                p.sub_(s["first"] / ((second / (1 - 0.99**n)).sqrt() + 1e-8), alpha=lr * self.rate(k) / (1 - 0.9**n))
        for (r, c), rows in alike.items():
            for (k, p, _), m in zip(rows, orthogonal(torch.stack([g for _, _, g in rows]))):
                m = m if (self.rows(p), p.numel() // self.rows(p)) == (r, c) else m.mT
                p.sub_(m.reshape(p.shape), alpha=lr * self.rate(k) * c**0.5)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take up the moments that a saved state holds for these parameters."""
        for k, p in self.params.items():
            for name in ("first", "second"):
                if f"{name}.{k}" in tensors:
                    self.state.setdefault(k, {"n": 1000})[name] = tensors[f"{name}.{k}"].to(p)
