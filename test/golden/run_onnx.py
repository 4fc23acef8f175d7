"""Runs ONNX files by ONNX Runtime: FOLDER holds NAME.onnx and NAME.x (f32 or f64 numbers, as the input is); writes NAME.y."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path))
    given = session.get_inputs()[0]
    dtype = np.float64 if given.type == "tensor(double)" else np.float32
    x = np.fromfile(path.with_suffix(".x"), dtype).reshape(-1, *given.shape[1:])
    session.run(None, {"x": x})[0].astype(dtype).tofile(path.with_suffix(".y"))
