"""Trains the full-size ResNet-18 of onnx_models.py (11 million weights, 3 × 32 × 32 inputs, 10 outputs) on upright digits for a
few minutes of one thread, and writes it as ONNX: what the acceptance group "resnet" adapts. 45 MB, so not kept.

python resnet_digits.py IMAGES.gz LABELS.gz OUT.onnx [EXAMPLES] [EPOCHS]"""

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))
from onnx_models import export, resnet18  # noqa: E402

images, labels, out, *rest = sys.argv[1:]
examples, epochs = (int(v) for v in (rest + ["3000", "1"][len(rest):]))
torch.manual_seed(0)
pixels = np.frombuffer(gzip.open(images).read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
y = torch.from_numpy(np.frombuffer(gzip.open(labels).read(), np.uint8, offset=8).astype(np.int64))


def coloured(part):
    """Grey on three channels, two pixels of black around."""
    return nn.functional.pad(torch.tensor(part / 255, dtype=torch.float32), (2, 2, 2, 2)).repeat(1, 3, 1, 1)


net = resnet18(64)
steps = epochs * (examples // 50)
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
for epoch in range(epochs):
    order = torch.randperm(examples)
    for step, rows in enumerate(order.split(50)):
        loss = nn.functional.cross_entropy(net(coloured(pixels[rows.numpy()])), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 10 == 9:
            print(f"epoch {epoch + 1}, step {step + 1}: loss {loss.item():.3f}", file=sys.stderr, flush=True)
net.eval()
Path(out).write_bytes(export(net, coloured(pixels[:2]), "script", 17, True))
