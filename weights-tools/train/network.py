"""A trainable LIA-X of any size: parameters under the checkpoint's own keys, and the forward pass over them.

The formulas are those of the network as published (StyleGAN2 layers, linear latent motion, warps by level); kernels that
a checkpoint stores as buffers are written on saving and folded into the code here.
"""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from portraits import IDS

ROOT2 = math.sqrt(2)
FIR = torch.tensor([1.0, 3.0, 3.0, 1.0])
FIR2 = torch.outer(FIR, FIR) / 64



HALF_OPEN = 32  # up to this size masks let half of the flow branch's own features through, beside the warped ones


def level_name(i: int) -> str:
    return "_512" if i == 0 else str(i + 1)


def up2(x: Tensor) -> Tensor:
    """Upsample by FIR*4: bilinear at half-pixel centres, zeros outside."""
    return F.interpolate(F.pad(x, (1, 1, 1, 1)), scale_factor=2, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]


def fir_weight(x: Tensor, gain: float) -> Tensor:
    return (FIR2 * gain).to(x.device, x.dtype).expand(x.shape[1], 1, 4, 4)


class Liax(nn.Module):
    """widths: channels at 4x4, 8x8, ... size x size."""

    def __init__(self, size: int, widths: list[int], motions: int = 40):
        super().__init__()
        assert size == 4 << (len(widths) - 1)
        self.size, self.widths, self.motions = size, list(widths), motions
        self.p = nn.ParameterDict()  # keys with '/' for '.', which ParameterDict does not take
        self.start()

    # ---- parameters
    def get(self, key: str) -> Tensor:
        return self.p[key.replace(".", "/")]

    def put(self, key: str, value: Tensor) -> None:
        value = value.float().contiguous()
        key = key.replace(".", "/")
        if key in self.p:
            with torch.no_grad():
                self.p[key].copy_(value)
        else:
            self.p[key] = nn.Parameter(value)

    def start(self) -> None:
        """Begin near copying: colours go straight from the first layer to the last picture, masks are open, the flow is
        still; residual branches are small."""
        w, n, d = self.widths, len(self.widths) - 1, self.widths[0]
        self.put("dec.direction.weight", torch.linalg.qr(torch.randn(d, self.motions)).Q)
        first = torch.randn(w[n], 3, 1, 1)
        first[:6] = 0
        for i in range(3):
            first[i, i], first[3 + i, i] = math.sqrt(3), -math.sqrt(3)
        self.put("enc.enc_2r.block1.0.weight", first)
        self.put("enc.enc_2r.block1.1.bias", torch.zeros(w[n]))
        for i in range(n, 0, -1):
            p = f"enc.enc_2r.block{n + 2 - i}.0." if i > 1 else "enc.enc_2r.block_512."
            ci, co = w[i], w[i - 1]
            self.put(p + "conv1.0.weight", torch.randn(co, ci, 3, 3))
            self.put(p + "conv1.1.bias", torch.zeros(co))
            self.put(p + "conv2.1.weight", torch.randn(co, co, 3, 3))
            self.put(p + "conv2.2.bias", torch.zeros(co))
            self.put(p + "skip.1.weight", torch.randn(co, ci, 1, 1))
        self.put("enc.enc_2r.block8.weight", torch.randn(d, w[0], 4, 4))
        # the labels are read where the motion directions do not reach, so that a latent holds both poses apart
        r2t, q = torch.zeros(self.motions, d), self.directions().detach()
        rest = torch.linalg.svd(q, full_matrices=True).U[:, self.motions:]
        if rest.shape[1] >= len(IDS):
            for i, k in enumerate(IDS):
                r2t[k] = 2 * rest[:, i]
        self.put("enc.enc_r2t.0.weight", r2t)
        self.put("enc.enc_r2t.0.bias", torch.zeros(self.motions))
        self.put("dec.input.input", torch.randn(1, w[0], 4, 4))
        self.start_styled("dec.conv1", w[0], w[0], q)
        for i in range(n):
            self.start_level(i, last=i == n - 1)

    def start_styled(self, p: str, ci: int, co: int, q: Tensor) -> None:
        w = torch.randn(1, co, ci, 3, 3)
        if ci == co:  # mostly hand on what comes: a deep chain of random layers would scramble the motion
            w = 0.7 * w
            w[0, range(ci), range(ci), 1, 1] += 0.7 * math.sqrt(9 * ci)
        self.put(p + ".conv.weight", w)
        self.start_modulation(p + ".conv", ci, q)
        self.put(p + ".activate.bias", torch.zeros(co))

    def start_modulation(self, p: str, ci: int, q: Tensor) -> None:
        # motions are smaller than the rest of the latent: their columns begin larger; in all far from folding over
        self.put(p + ".modulation.weight", torch.randn(ci, self.widths[0]) @ (0.2 * torch.eye(self.widths[0]) + 0.6 * q @ q.T))
        self.put(p + ".modulation.bias", torch.ones(ci))

    def start_level(self, i: int, last: bool) -> None:
        ci, c, p, q = self.widths[i], self.widths[i + 1], f"dec.conv{level_name(i)}", self.directions().detach()
        self.start_styled(p + "_1", ci, c, q)
        for j in range(4):
            r = f"{p}_2.{j}"
            self.put(r + ".gamma", torch.full((1, c, 1, 1), 0.2))
            self.put(r + ".norm.weight", torch.ones(c))
            self.put(r + ".norm.bias", torch.zeros(c))
            self.start_styled(r + ".conv1", c, c, q)
            self.start_styled(r + ".conv2", c, c, q)
            for m in (1, 2):
                self.put(f"{p}_2_rgb.{j}.conv{m}.0.weight", torch.randn(c, c, 3, 3) * (1 if m == 1 else 0.1))
                self.put(f"{p}_2_rgb.{j}.conv{m}.1.bias", torch.zeros(c))
        if i:
            up = 0.5 * torch.randn(c, ci, 3, 3)
            if last:
                up[:6] = 0
            self.put(p + "_2_up.1.weight", up)
            self.put(p + "_2_up.2.bias", torch.zeros(c))
        r, colour = f"dec.rgb{level_name(i)}", torch.zeros(3, c, 1, 1)
        if last:
            for k in range(3):
                colour[k, k], colour[k, 3 + k] = math.sqrt(c) / 0.6, -math.sqrt(c) / 0.6
        self.put(r + ".conv.0.weight", colour)
        self.put(r + ".conv.1.bias", torch.full((3,), 2.0))  # away from the kink
        self.put(r + ".bias", torch.full((1, 3, 1, 1), -2.0 * ROOT2))
        r = f"dec.flow{level_name(i)}"
        self.put(r + ".conv.weight", torch.randn(1, 3, c, 1, 1) * (0 if last else 0.01))
        self.start_modulation(r + ".conv", c, q)
        self.put(r + ".bias", torch.tensor([0, 0, 3.0 if 4 << i == HALF_OPEN else 0.0]).view(1, 3, 1, 1))

    @torch.no_grad()
    def fit_colours(self) -> None:
        """Let the last level's picture copy: what the finest features tell of the colours, found by least squares."""
        colours, n, t = torch.rand(1, 3, 64, 64) * 2 - 1, len(self.widths) - 1, level_name(len(self.widths) - 2)
        f = self.conv_layer(colours, "enc.enc_2r.block1")[0].flatten(1).T
        x = torch.linalg.lstsq(torch.cat((f, torch.ones(len(f), 1)), 1), colours[0].flatten(1).T).solution
        # four residual blocks halve the features twice; the layer's own gains are sqrt2 and 1/sqrt(channels)
        self.put(f"dec.rgb{t}.conv.0.weight", x[:-1].T[:, :, None, None] * 4 * math.sqrt(self.widths[n] / 2))
        self.put(f"dec.rgb{t}.bias", self.get(f"dec.rgb{t}.bias") + x[-1].view(1, 3, 1, 1))
        self.put(f"dec.conv{t}_2_up.1.weight", 0.1 * self.get(f"dec.conv{t}_2_up.1.weight"))

    # ---- layers
    def conv(self, x: Tensor, key: str, **how) -> Tensor:
        w = self.get(key)
        return F.conv2d(x, (w / math.sqrt(w[0].numel())).to(x.dtype), **how)

    def linear(self, x: Tensor, p: str) -> Tensor:
        w = self.get(p + ".weight")
        return F.linear(x, w / math.sqrt(w.shape[1]), self.get(p + ".bias"))

    def active(self, x: Tensor, weight: str, bias: str, gain: float = ROOT2, stride: int = 1, padding: int = 0) -> Tensor:
        """Convolution and FusedLeakyReLU; the activation's factor goes through to weights and bias."""
        w, b = self.get(weight), self.get(bias)
        w = (w * (gain / math.sqrt(w[0].numel()))).to(x.dtype)
        return F.leaky_relu_(F.conv2d(x, w, (b * gain).to(x.dtype), stride=stride, padding=padding), 0.2)

    def conv_layer(self, x: Tensor, p: str, gain: float = ROOT2) -> Tensor:
        return self.active(x, p + ".0.weight", p + ".1.bias", gain, padding=self.get(p + ".0.weight").shape[-1] // 2)

    def modulated(self, x: Tensor, z: Tensor, p: str, up: bool = False, demod: bool = True) -> tuple[Tensor, Tensor]:
        """The convolution and the factor its output still has to be multiplied by."""
        w = self.get(p + ".weight")[0]
        w = w / math.sqrt(w[0].numel())
        m = self.linear(z, p + ".modulation")
        x = x * m[:, :, None, None].to(x.dtype)
        if up:
            x = F.conv_transpose2d(x, w.transpose(0, 1).to(x.dtype), stride=2)
            x = F.conv2d(x, fir_weight(x, 4), padding=1, groups=x.shape[1])
        else:
            x = F.conv2d(x, w.to(x.dtype), padding=w.shape[-1] // 2)
        if not demod:
            return x, m
        return x, torch.rsqrt(m.square() @ w.square().sum((2, 3)).T + 1e-8)

    def styled(self, x: Tensor, z: Tensor, p: str, up: bool = False) -> Tensor:
        y, d = self.modulated(x, z, p + ".conv", up)
        b = self.get(p + ".activate.bias").view(1, -1, 1, 1) * ROOT2
        return F.leaky_relu_(torch.addcmul(b.to(y.dtype), y, (d * ROOT2)[:, :, None, None].to(y.dtype)), 0.2)

    def flow_res(self, x: Tensor, z: Tensor, p: str) -> Tensor:
        a = self.styled(x, z, p + ".conv1")
        b, c = a.shape[:2]
        groups = math.gcd(32, c)
        mean, power = a.float().mean((2, 3)), a.float().square().mean((2, 3))
        mean, power = (t.view(b, groups, -1).mean(2, keepdim=True) for t in (mean, power))
        scale = torch.rsqrt(power - mean.square() + 1e-5).expand(-1, -1, c // groups).reshape(b, c) * self.get(p + ".norm.weight")
        shift = self.get(p + ".norm.bias") - mean.expand(-1, -1, c // groups).reshape(b, c) * scale
        y = torch.addcmul(shift[:, :, None, None].to(a.dtype), a, scale[:, :, None, None].to(a.dtype))
        return torch.addcmul(a, self.get(p + ".gamma").to(a.dtype), self.styled(y, z, p + ".conv2"))

    def enc_res(self, x: Tensor, p: str) -> Tensor:
        y = self.conv_layer(x, p + "conv1")
        y = F.conv2d(y, fir_weight(y, 1), padding=2, groups=y.shape[1])
        y = self.active(y, p + "conv2.1.weight", p + "conv2.2.bias", 1, stride=2)
        x = F.conv2d(x, fir_weight(x, 1), padding=1, stride=2, groups=x.shape[1])
        return torch.add(y, self.conv(x, p + "skip.1.weight"), alpha=1 / ROOT2)

    # ---- the network
    def encode(self, img: Tensor) -> tuple[Tensor, list[Tensor]]:
        n = len(self.widths) - 1
        feats = [self.conv_layer(img, "enc.enc_2r.block1")]
        for i in range(2, n + 1):
            feats.append(self.enc_res(feats[-1], f"enc.enc_2r.block{i}.0."))
        x = self.enc_res(feats[-1], "enc.enc_2r.block_512.")
        w = self.last_weight()
        return F.conv2d(x, (w / math.sqrt(w[0].numel())).to(x.dtype)).flatten(1).float(), feats[::-1]

    def last_weight(self) -> Tensor:
        """The encoder's last layer, kept off the labels' directions: those are for the target's motion alone."""
        w, q = self.get("enc.enc_2r.block8.weight"), self.directions()[:, IDS]
        return w - (q @ (q.T @ w.flatten(1))).view_as(w)

    def alpha(self, z: Tensor) -> Tensor:
        return self.linear(z, "enc.enc_r2t.0")

    def source_code(self, labels: Tensor) -> Tensor:
        """What in a latent is read as these labels."""
        w, b = self.get("enc.enc_r2t.0.weight")[IDS], self.get("enc.enc_r2t.0.bias")[IDS]
        return (labels - b) * math.sqrt(w.shape[1]) @ (w / w.square().sum(1, keepdim=True))

    def directions(self) -> Tensor:
        return torch.linalg.qr(self.get("dec.direction.weight") + 1e-8).Q

    def motion(self, alpha: Tensor) -> Tensor:
        return alpha @ self.directions().T

    def sample(self, feat: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(feat.float(), grid, align_corners=True).to(feat.dtype)

    def decode(self, z: Tensor, feats: list[Tensor], teacher=None, picture: bool = True, still: int = 0,
               inner: list[Tensor] | None = None) -> tuple[Tensor | None, list[Tensor]]:
        """Picture [B,3,S,S] and the raw flow of every level [B,3,s,s].
        teacher: (which [B,1,1,1] 0/1, flows, masks by level): where `which` is 1 the warps use these instead.
        Without `picture` only the flows are computed, at half the cost. The first levels alone run if only their features
        are given. `still`: so many of the finest levels leave the flow as it is (their flow layer is zero).
        `inner` takes the features from which every level's flow is read."""
        flow = g = rgb = None
        flows = []
        first = self.get("dec.input.input").to(feats[0].dtype).expand(len(z), -1, -1, -1)
        h = self.styled(first, z, "dec.conv1")
        for i, feat in enumerate(feats):
            t, s = level_name(i), feat.shape[-1]
            p = f"dec.conv{t}"
            moves = i < len(self.widths) - 1 - still
            if moves:
                h = self.styled(h, z, p + "_1", up=True)
                for j in range(4):
                    h = self.flow_res(h, z, f"{p}_2.{j}")
                if inner is not None:
                    inner.append(h)
                f = self.modulated(h, z, f"dec.flow{t}.conv", demod=False)[0].float() + self.get(f"dec.flow{t}.bias")
                flow = f if flow is None else f + up2(flow)
            else:
                flow = up2(flow)
            flows.append(flow)
            shift, mask = torch.tanh(flow[:, :2]), torch.sigmoid(flow[:, 2:])
            if teacher is not None:
                which, true_flow, true_mask = teacher
                shift = shift + which * (true_flow[i] - shift)
                mask = mask + which * (true_mask[i] - mask)
            line = torch.linspace(-1, 1, s, device=z.device)
            grid = torch.stack((line.view(1, -1).expand(s, s), line.view(-1, 1).expand(s, s)), -1) + shift.permute(0, 2, 3, 1)
            warp = self.sample(feat, grid) * mask.to(feat.dtype)
            if moves:
                h = torch.addcmul(warp, 1 - mask.to(h.dtype), h)
            if not picture:
                continue
            if g is None:
                g = warp
            else:
                g = warp + self.active(up2(g), p + "_2_up.1.weight", p + "_2_up.2.bias", padding=1)
            for j in range(4):
                q = f"{p}_2_rgb.{j}."
                g = torch.add(self.conv_layer(self.conv_layer(g, q + "conv1"), q + "conv2", 1), g, alpha=1 / ROOT2)
            c = self.conv_layer(g, f"dec.rgb{t}.conv").float() + self.get(f"dec.rgb{t}.bias")
            rgb = c if rgb is None else c + up2(rgb)
        return rgb, flows

    # ---- files
    def checkpoint(self) -> dict[str, Tensor]:
        """The published keys, kernels included, contiguous float32."""
        out = {k.replace("/", "."): v.detach().clone().contiguous() for k, v in self.p.items()}
        out["enc.enc_2r.block8.weight"] = self.last_weight().detach().contiguous()
        n = len(self.widths) - 1
        for i in range(n, 0, -1):
            p = f"enc.enc_2r.block{n + 2 - i}.0." if i > 1 else "enc.enc_2r.block_512."
            out[p + "conv2.0.kernel"], out[p + "skip.0.kernel"] = FIR2.clone(), FIR2.clone()
        for i in range(n):
            t = level_name(i)
            out[f"dec.conv{t}_1.conv.blur.kernel"] = FIR2 * 4
            out[f"dec.rgb{t}.up.kernel"] = FIR2 * 4
            out[f"dec.flow{t}.up.kernel"] = FIR2 * 4
            if i:
                out[f"dec.conv{t}_2_up.0.kernel"] = FIR2 * 4
        return out

    def restore(self, tensors: dict[str, Tensor]) -> None:
        for k, v in tensors.items():
            if not k.endswith(".kernel"):
                self.put(k, v)

    @staticmethod
    def from_checkpoint(tensors: dict[str, Tensor]) -> "Liax":
        widths, i = [tensors["dec.input.input"].shape[1]], 0
        while f"dec.conv{level_name(i)}_1.conv.weight" in tensors:
            widths.append(tensors[f"dec.conv{level_name(i)}_1.conv.weight"].shape[1])
            i += 1
        net = Liax(4 << i, widths, tensors["dec.direction.weight"].shape[1])
        net.restore(tensors)
        return net

    def take_encoder(self, tensors: dict[str, Tensor]) -> None:
        """The encoder and the motion directions of a checkpoint; the rest begins anew."""
        self.restore({k: v for k, v in tensors.items() if k.startswith("enc.") or k == "dec.direction.weight"})
        for k, p in self.p.items():
            if k.endswith("modulation/weight"):
                self.start_modulation(k[:-7].replace("/", ".").removesuffix(".modulation"), len(p), self.directions().detach())
