"""PyTorch's side of `npm run bench:train`: answers lines "NAME" on stdin with the milliseconds of one run of that work on stdout.

usage: torch_peer.py [threads]
Work is set up when its name first comes; each later line runs it again, so that the caller can take turns.
"""
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
torch.manual_seed(0)


def conv(i, o, k, s=1):
    return nn.Conv2d(i, o, k, s, k // 2, bias=False)


class Block(nn.Module):
    """Two 3x3 convolutions; the shortcut subsamples and fills up with zeros (A), or projects (B)."""

    def __init__(self, i, o, s, project):
        super().__init__()
        self.c1, self.b1, self.c2, self.b2 = conv(i, o, 3, s), nn.BatchNorm2d(o), conv(o, o, 3), nn.BatchNorm2d(o)
        self.s, self.fill = s, o - i
        self.p = nn.Sequential(conv(i, o, 1, s), nn.BatchNorm2d(o)) if project and (s > 1 or i != o) else None

    def forward(self, x):
        y = self.b2(self.c2(F.relu(self.b1(self.c1(x)))))
        if self.p:
            x = self.p(x)
        elif self.fill:
            x = F.pad(x[:, :, :: self.s, :: self.s], (0, 0, 0, 0, self.fill // 2, self.fill - self.fill // 2))
        return F.relu(y + x)


def resnet(widths, blocks, classes=10, project=False):
    layers, i = [conv(3, widths[0], 3), nn.BatchNorm2d(widths[0]), nn.ReLU()], widths[0]
    for stage, o in enumerate(widths):
        for b in range(blocks):
            layers.append(Block(i, o, 2 if stage and not b else 1, project))
            i = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, classes))


class EncoderLayer(nn.Module):
    def __init__(self, d=768, h=12, f=3072):
        super().__init__()
        self.h = h
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.u, self.w = nn.Linear(d, f), nn.Linear(f, d)
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)

    def forward(self, x, fused):
        b, s, d = x.shape
        q, k, v = (m(x).reshape(b, s, self.h, d // self.h).transpose(1, 2) for m in (self.q, self.k, self.v))
        if fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = F.softmax(q @ k.transpose(2, 3) / math.sqrt(d // self.h), -1) @ v
        x = self.n1(x + self.o(y.transpose(1, 2).reshape(b, s, d)))
        return self.n2(x + self.w(F.gelu(self.u(x))))


def classifier(net, batch, last):
    x, y = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))
    if last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    net.train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


def encoder(fused):
    net, x, dy = EncoderLayer(), torch.randn(8, 128, 768), torch.randn(8, 128, 768)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def step():
        optimizer.zero_grad(set_to_none=True)
        net(x, fused).backward(dy)
        optimizer.step()

    return step


def gemm(m, n, k):
    a, b, c = torch.randn(m, k), torch.randn(n, k), torch.randn(n)
    return lambda: F.linear(a, b, c)


x2m = torch.randn(128 * 16 * 1024)
work = {
    'resnet20 nchw': lambda: classifier(resnet([16, 32, 64], 3), 128, False),
    'resnet20 channels_last': lambda: classifier(resnet([16, 32, 64], 3), 128, True),
    'resnet18 nchw': lambda: classifier(resnet([64, 128, 256, 512], 2, project=True), 64, False),
    'resnet18 channels_last': lambda: classifier(resnet([64, 128, 256, 512], 2, project=True), 64, True),
    'encoder': lambda: encoder(False),
    'encoder fused attention': lambda: encoder(True),
    'gemm 1024': lambda: gemm(1024, 1024, 1024),
    'fake-quantize': lambda: lambda: torch.fake_quantize_per_tensor_affine(x2m, 0.02, 0, -128, 127),
    'min/max': lambda: lambda: torch.aminmax(x2m),
    'histogram': lambda: lambda: torch.histc(x2m, 2048),
}


def repeated(run):
    """Milliseconds of a run, the mean of 100 ms."""
    start, count = time.perf_counter(), 0
    while not count or time.perf_counter() - start < 0.1:
        run()
        count += 1
    return (time.perf_counter() - start) / count * 1e3


ready = {}
print(f'torch {torch.__version__}, {torch.get_num_threads()} threads', flush=True)
for line in sys.stdin:
    name = line.strip()
    if name not in ready:
        ready[name] = work[name]()
        ready[name]()
    repeated(ready[name])  # the start
    print(repeated(ready[name]), flush=True)
