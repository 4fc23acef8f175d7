"""images.json: convolutions with pull-backs, patches (unfold, fold) and poolings of small whole numbers, by PyTorch."""

import torch
import torch.nn.functional as F

from common import write

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)


def flat(t):
    return t.flatten().tolist()


def case(shape, filters, kernel, stride, padding, dilation, groups):
    x = torch.randint(-4, 5, shape).double().requires_grad_()
    w = torch.randint(-4, 5, (filters, shape[1] // groups, *kernel)).double().requires_grad_()
    y = F.conv2d(x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)
    dy = torch.randint(-4, 5, y.shape).double()
    dx, dw = torch.autograd.grad(y, (x, w), dy)
    unfold = dict(kernel_size=kernel, stride=stride, padding=padding, dilation=dilation)
    columns = F.unfold(x, **unfold)
    folded = F.fold(columns, shape[2:], **unfold)
    out = dict(
        windows=dict(
            count=shape[0],
            channels=shape[1],
            height=shape[2],
            width=shape[3],
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            padding=padding,
            outputs=list(y.shape[2:]),
            filters=filters,
            groups=groups,
        ),
        images=flat(x),
        weights=flat(w),
        y=flat(y),
        dy=flat(dy),
        dimages=flat(dx),
        dweights=flat(dw),
        columns=flat(columns.transpose(1, 2)),
        folded=flat(folded),
    )
    if all(2 * p <= k for p, k in zip(padding, kernel)):
        # Distinct values: PyTorch's choice among equals is its own.
        v = torch.randperm(x.numel()).double().reshape(shape)
        y, index = F.max_pool2d(v, return_indices=True, **unfold)
        plane = torch.arange(shape[0] * shape[1]).reshape(shape[0], shape[1], 1, 1) * shape[2] * shape[3]
        out.update(distinct=flat(v), max=flat(y), source=(index + plane).flatten().tolist())
        if tuple(dilation) == (1, 1):
            pool = dict(kernel_size=kernel, stride=stride, padding=padding, count_include_pad=False)
            ones = F.avg_pool2d(torch.ones(1, 1, *shape[2:]), kernel, stride, padding, count_include_pad=True)
            mean = F.avg_pool2d(x, **pool)
            dmean = torch.randint(-4, 5, mean.shape).double()
            out.update(
                counts=flat((ones * kernel[0] * kernel[1]).round()),
                mean=flat(mean),
                dmean=flat(dmean),
                meanPullback=flat(torch.autograd.grad(mean, x, dmean)[0]),
            )
    return out


write(
    "images.json",
    {
        "padded": case((2, 2, 5, 4), 3, [3, 3], [1, 1], [1, 1], [1, 1], 1),
        "grouped": case((1, 4, 6, 5), 4, [2, 3], [2, 1], [1, 1], [1, 1], 2),
        "dilated": case((2, 1, 6, 7), 2, [3, 2], [1, 2], [2, 1], [2, 3], 1),
        "depthwise": case((1, 3, 4, 4), 3, [3, 3], [2, 2], [1, 1], [1, 1], 3),
    },
)
