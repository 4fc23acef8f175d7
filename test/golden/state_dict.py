"""state-dict.safetensors: a small PyTorch network as safetensors.torch writes it, with batch norm, attention and more
than ten modules; state-dict.json: inputs and its outputs."""

import torch
from safetensors.torch import save_file
from torch import nn

from common import HERE, write

torch.manual_seed(5)


class Attend(nn.MultiheadAttention):
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False)[0]


model = nn.Sequential(
    nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2), nn.PReLU(4), nn.Flatten(2),
    Attend(4, 2, batch_first=True), nn.LayerNorm(4), nn.Flatten(), nn.Linear(16, 6), nn.GELU(), nn.Linear(6, 2, bias=False),
).eval()
with torch.no_grad():
    for t in [*model.parameters(), *model.buffers()]:
        if t.is_floating_point():
            t.add_(torch.rand_like(t) * 0.3)
save_file(model.state_dict(), HERE / "state-dict.safetensors")
x = (torch.randn(3, 2, 4, 4) * 1000).round() / 1000
write("state-dict.json", {"x": [round(v, 3) for v in x.flatten().tolist()], "y": model(x).flatten().tolist()})
