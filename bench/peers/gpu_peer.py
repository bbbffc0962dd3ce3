"""PyTorch's times on the same card, a JSON line each, under the names of bench/gpu.ts."""
import json

import torch
import torch.nn.functional as F

device = 'cuda'
torch.manual_seed(0)


def time(work, rounds=9, least=0.02):
    """Seconds of one call: the median of rounds of at least `least` seconds, after one that does not count."""
    work()
    torch.cuda.synchronize()
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    work()
    end.record()
    end.synchronize()
    count = max(4, int(least / max(begin.elapsed_time(end) / 1000, 1e-6)))
    seconds = []
    for _ in range(rounds):
        begin.record()
        for _ in range(count):
            work()
        end.record()
        end.synchronize()
        seconds.append(begin.elapsed_time(end) / 1000 / count)
    return sorted(seconds)[rounds // 2]


def measure(name, make):
    try:
        print(json.dumps({'name': name, 'seconds': time(make())}), flush=True)
    except Exception as error:
        print(json.dumps({'name': name, 'problem': f'{type(error).__name__}: {str(error)[:160]}'}), flush=True)
    torch.cuda.empty_cache()


def precision(mode):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = mode == 'tf32'


def product(m, n, k, after):
    def make():
        a = torch.randint(-128, 128, (m, k), dtype=torch.int8, device=device)
        b = torch.randint(-128, 128, (n, k), dtype=torch.int8, device=device).t()
        scale = torch.full((n,), 1e-4, device=device)
        return lambda: after(torch._int_mm(a, b), scale)

    return make


def requantized(sums, scale):
    return (sums * scale).round().clamp(-128, 127).to(torch.int8)


for m, n, k in ((8192, 8192, 8192), (4096, 4096, 4096), (128, 3072, 768)):
    name = f'int8 {m}x{n}x{k} _int_mm'
    measure(name, product(m, n, k, lambda sums, scale: sums))
    measure(f'{name}, dequantize', product(m, n, k, lambda sums, scale: sums * scale))
    measure(f'{name}, requantize', product(m, n, k, requantized))


def convolution(batch, size, channels, out, kernel, stride):
    def make():
        options = dict(device=device, dtype=torch.float16)
        x = torch.randn(batch, channels, size, size, **options).to(memory_format=torch.channels_last)
        w = torch.randn(out, channels, kernel, kernel, **options).to(memory_format=torch.channels_last)
        return lambda: F.conv2d(x, w, stride=stride, padding=kernel // 2)

    return make


torch.backends.cudnn.benchmark = True
for size, channels, out, kernel, stride in (
    (56, 64, 64, 3, 1),
    (28, 128, 128, 3, 1),
    (14, 256, 256, 3, 1),
    (7, 512, 512, 3, 1),
    (56, 64, 128, 3, 2),
    (56, 64, 128, 1, 2),
):
    name = f'conv {size} {channels}-{out} k{kernel} s{stride} b128 float16'
    measure(name, convolution(128, size, channels, out, kernel, stride))


def many(work):
    def make():
        x = torch.full((64 << 20,), 0.5, device=device)
        return lambda: work(x)

    return make


measure('copy of 64M float32', many(lambda x: x.clone()))
measure('fakeQuantize of 64M', many(lambda x: torch.fake_quantize_per_tensor_affine(x, 0.01, 0, -128, 127)))
measure('minMax of 64M', many(torch.aminmax))


def resnet18(classes, cifar):
    from torchvision.models import resnet18

    model = resnet18(num_classes=classes)
    if cifar:
        model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
        model.maxpool = torch.nn.Identity()
    return model.to(device).to(memory_format=torch.channels_last)


def step(batch, mode):
    def make():
        precision(mode)
        model = resnet18(10, True).train()
        x = torch.randn(batch, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
        y = torch.arange(batch, device=device) % 10
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

        def work():
            optimizer.zero_grad()
            with torch.autocast('cuda', dtype=torch.bfloat16, enabled=mode == 'bfloat16'):
                loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()

        return work

    return make


for batch in (128, 512):
    for mode in ('float32', 'tf32', 'bfloat16'):
        measure(f'ResNet-18 CIFAR step b{batch} {mode}', step(batch, mode))


def inference(batch, mode):
    def make():
        precision(mode)
        dtype = torch.float16 if mode == 'float16' else torch.float32
        model = resnet18(1000, False).eval().to(dtype)
        x = torch.randn(batch, 3, 224, 224, device=device, dtype=dtype).to(memory_format=torch.channels_last)

        @torch.no_grad()
        def forward():
            return model(x)

        for _ in range(3):
            forward()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            forward()
        return graph.replay

    return make


for batch in (1, 32, 128):
    for mode in ('float32', 'tf32', 'float16'):
        measure(f'ResNet-18 b{batch} {mode}', inference(batch, mode))
