"""Small networks as PyTorch exports them to ONNX, with ONNX Runtime's outputs: test/golden/onnx-models/*.onnx and onnx-models.json.

Both exporters and several operator sets; weights are random, and batch norms have statistics of their own. With
`--resnet18 FOLDER` a full-size ResNet-18 and its outputs are written there instead: too large to keep."""

import io
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

from common import write

warnings.filterwarnings("ignore")
here = Path(__file__).parent / "onnx-models"


class Fn(nn.Module):
    """A function as a module."""

    def __init__(self, fn, **modules):
        super().__init__()
        self.fn = fn
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, x):
        return self.fn(self, x)


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = (
            nn.Sequential()
            if stride == 1 and before == after
            else nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def resnet18(width, classes=10):
    blocks = []
    before = width
    for stage, stride in enumerate([1, 2, 2, 2]):
        after = width * 2**stage
        blocks += [Block(before, after, stride), Block(after, after, 1)]
        before = after
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes),
    )


class Squeeze(nn.Module):
    """Channels weighted by what the whole image says (squeeze and excitation)."""

    def __init__(self, channels):
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 4, 1)
        self.up = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        scale = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.up(F.relu(self.down(scale))))


class Inverted(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        wide = before * 4
        self.body = nn.Sequential(
            nn.Conv2d(before, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.Hardswish(),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(),
            Squeeze(wide),
            nn.Conv2d(wide, after, 1, bias=False), nn.BatchNorm2d(after),
        )
        self.residual = stride == 1 and before == after

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def mobilenet():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.Hardswish(),
        Inverted(4, 4, 1), Inverted(4, 6, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5),
    )


class Attention(nn.Module):
    """Attention written out, as in small GPTs, with a class token and learned positions."""

    def __init__(self, tokens, features, heads):
        super().__init__()
        self.heads = heads
        self.token = nn.Parameter(torch.randn(1, 1, features))
        self.positions = nn.Parameter(torch.randn(1, tokens + 1, features))
        self.qkv = nn.Linear(features, 3 * features)
        self.out = nn.Linear(features, features)
        self.norm = nn.LayerNorm(features)
        self.mlp = nn.Sequential(nn.Linear(features, 12), nn.GELU(approximate="tanh"), nn.Linear(12, features))

    def forward(self, x):
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        n, t, e = x.shape
        q, k, v = self.qkv(self.norm(x)).split(e, dim=2)
        q, k, v = (a.view(n, t, self.heads, e // self.heads).transpose(1, 2) for a in (q, k, v))
        w = torch.softmax(q @ k.transpose(-2, -1) / (e // self.heads) ** 0.5, -1)
        x = x + self.out((w @ v).transpose(1, 2).reshape(n, t, e))
        return (x + self.mlp(x))[:, 0]


def encoder():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, activation="gelu")
    return Fn(
        lambda m, x: m.head(m.body(m.embed(x)).mean(1)),
        embed=nn.Linear(3, 8), body=nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), head=nn.Linear(8, 2),
    )


def sequence_first():
    """Attention over [tokens, n, features], as PyTorch's modules have it unless told otherwise."""
    return Fn(
        lambda m, x: m.attention(x.transpose(0, 1), x.transpose(0, 1), x.transpose(0, 1))[0].transpose(0, 1),
        attention=nn.MultiheadAttention(8, 4),
    )


def cnn():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(0, 1), dilation=(1, 2), groups=2), nn.LeakyReLU(0.1),
        nn.AvgPool2d(2, ceil_mode=True), nn.Dropout(0.3), nn.Flatten(), nn.Linear(6, 3), nn.LogSoftmax(1),
    )


def sequences():
    return nn.Sequential(
        nn.Conv1d(3, 6, 3, padding=1), nn.BatchNorm1d(6), nn.PReLU(6), nn.MaxPool1d(2), nn.Conv1d(6, 4, 2, stride=2),
        nn.PReLU(), nn.Flatten(), nn.Linear(8, 2),
    )


def norms():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.ELU(), nn.Conv2d(4, 4, 2), nn.InstanceNorm2d(4, affine=True),
        nn.SELU(), nn.Flatten(), nn.LayerNorm(36), nn.GELU(), nn.Linear(36, 2),
    )


def shapes(m, x):
    """x: [n, 4, 6]."""
    a = x[:, 1:3, ::2]
    b, c = x.split([2, 4], dim=2)
    d = x.index_select(1, torch.tensor([2, 0, 2])).transpose(1, 2)
    e = F.pad(b, (1, 0, 0, 2), value=0.5).mean(1)
    f = torch.cat([b, c * 2], dim=2).permute(0, 2, 1).reshape(x.shape[0], -1)
    g = F.pad(x, (2, 1), mode="reflect").mean((1, 2), keepdim=True).squeeze(2)
    h = (x.unsqueeze(1) ** 2 + 1).sqrt().sum(3).squeeze(1) / m.scale - x[:, :, 0]
    return torch.cat([a.flatten(1), d.flatten(1), e, f, g, h, 1 / (x[:, 0] ** 2 + 1), 2 - x[:, 1]], 1)


def pointwise(m, x):
    return torch.cat([
        torch.tanh(x), torch.sigmoid(x), F.softplus(x), F.hardtanh(x), x.clamp(min=-0.5), torch.exp(-x.abs()),
        torch.erf(x), F.silu(x), F.hardsigmoid(x), F.hardswish(x), F.relu6(x * 4), F.celu(x), x.square(),
        torch.log(x.abs() + 1), torch.sin(x), torch.cos(x), F.mish(x), F.softsign(x), F.softmax(x, 1), F.softmin(x, 1),
        x.abs() ** 1.5, -x, x.min(torch.tensor(0.3)),
    ], 1)


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(4) + 0.5)

    def forward(self, x):
        return shapes(self, x)


models = {
    "mlp": (lambda: nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 6), nn.Softplus(), nn.Linear(6, 2)), [5]),
    "mlp-no-bias": (lambda: nn.Sequential(nn.Linear(5, 7, bias=False), nn.ReLU(), nn.Linear(7, 2)), [4, 5]),
    "cnn": (cnn, [2, 8, 8]),
    "sequences": (sequences, [3, 8]),
    "norms": (norms, [2, 6, 6]),
    "resnet18-narrow": (lambda: resnet18(2), [3, 16, 16]),
    "mobilenet": (mobilenet, [3, 16, 16]),
    "attention": (lambda: Attention(4, 8, 2), [4, 8]),
    "encoder": (encoder, [5, 3]),
    "sequence-first": (sequence_first, [3, 8]),
    "shapes": (Scale, [4, 6]),
    "pointwise": (lambda: Fn(pointwise), [6]),
}
# Which are exported how: exporter, operator set, whether the batch is left open.
ways = {
    "mlp": [("script", 9, True), ("script", 13, True), ("dynamo", 18, True), ("script", 17, False), ("dynamo", 23, True)],
    "mlp-no-bias": [("script", 13, True), ("dynamo", 20, True)],
    "cnn": [("script", 9, True), ("script", 12, True), ("dynamo", 18, True), ("script", 17, False), ("unfolded", 15, True)],
    "sequences": [("unfolded", 8, True), ("script", 11, True), ("dynamo", 18, True)],
    "norms": [("script", 11, True), ("script", 17, True), ("dynamo", 18, True), ("dynamo", 21, True)],
    "resnet18-narrow": [("unfolded", 17, True), ("script", 13, True), ("dynamo", 18, True)],
    "mobilenet": [("unfolded", 16, True), ("script", 14, True), ("dynamo", 18, False)],
    "attention": [("script", 12, True), ("script", 17, False), ("dynamo", 18, True)],
    "encoder": [("script", 14, True), ("script", 17, False), ("dynamo", 18, True)],
    "sequence-first": [("script", 17, True), ("script", 14, False), ("dynamo", 18, True)],
    "shapes": [("script", 11, True), ("script", 13, True), ("dynamo", 18, True)],
    "pointwise": [("script", 14, True), ("dynamo", 18, True)],
}


def made(make):
    torch.manual_seed(20261124)
    model = make().eval()
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    return model


def export(model, x, exporter, opset, free):
    file = io.BytesIO()
    names = {"input_names": ["x"], "output_names": ["y"], "opset_version": opset}
    if exporter != "dynamo":
        dynamic = {"dynamic_axes": {"x": {0: "n"}, "y": {0: "n"}}} if free else {}
        if exporter == "unfolded":  # batch norms stay
            names |= {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
        torch.onnx.export(model, (x,), file, dynamo=False, **dynamic, **names)
        return file.getvalue()
    dynamic = {"dynamic_shapes": ({0: torch.export.Dim("n", min=1)},)} if free else {}
    program = torch.onnx.export(model, (x,), dynamo=True, verbose=False, **dynamic, **names)
    proto = program.model_proto
    for node in proto.graph.node:  # stack traces and the like
        del node.metadata_props[:]
    del proto.metadata_props[:]
    del proto.graph.value_info[:]
    return proto.SerializeToString()


def runtime(data, x):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(data, options).run(None, {"x": x.numpy()})[0]


def full_size(folder):
    model = made(lambda: resnet18(64))
    x = torch.randn(2, 3, 32, 32)
    data = export(model, x, "script", 17, True)
    (folder / "resnet18.onnx").write_bytes(data)
    y = runtime(data, x)
    x.numpy().tofile(folder / "x.f32")
    y.tofile(folder / "y.f32")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--resnet18":
        full_size(Path(sys.argv[2]))
        sys.exit()
    here.mkdir(exist_ok=True)
    out = {}
    used = set()
    for name, (make, shape) in models.items():
        for exporter, opset, free in ways[name]:
            model = made(make)
            file = f"{name}-{exporter}-{opset}{'' if free else '-fixed'}"
            n = 3 if free else 1
            torch.manual_seed(7)
            x = (torch.randn(n, *shape) * 1000).round() / 1000
            try:
                # Traced on two examples: a size that should be open must not be a 1.
                data = export(model, x[:2] if free else x, exporter, opset, free)
            except Exception as error:
                print(file, "FAILED", type(error).__name__, str(error)[:200])
                continue
            onnx.checker.check_model(data)
            y = runtime(data, x)
            near = np.abs(y - model(x).detach().numpy()).max()
            (here / f"{file}.onnx").write_bytes(data)
            actual = onnx.load_from_string(data).opset_import[0].version
            used.update(node.op_type for node in onnx.load_from_string(data).graph.node)
            operators = sorted({node.op_type for node in onnx.load_from_string(data).graph.node})
            print(file, len(data), actual, f"{near:.1e}", *operators)
            out[file] = {
                "x": {"shape": list(x.shape), "data": [round(v, 3) for v in x.flatten().tolist()]},
                "y": {"shape": list(y.shape), "data": [float(f"{v:.9g}") for v in y.flatten().tolist()]},
            }
    print(*sorted(used))
    write("onnx-models.json", out)
