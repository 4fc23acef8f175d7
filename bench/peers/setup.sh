#!/usr/bin/env bash
# Makes .venv with the peers that the benches compare with. torch is pinned to a CPU build.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 -m venv .venv
.venv/bin/pip install --quiet numpy scipy scikit-learn
.venv/bin/pip install --quiet torch==2.13.0
.venv/bin/pip install --quiet gpytorch
# For the tests of ONNX files, not for the benches.
.venv/bin/pip install --quiet onnx onnxruntime onnxscript
.venv/bin/python -c "import torch, numpy, scipy; print('torch', torch.__version__, 'numpy', numpy.__version__, 'scipy', scipy.__version__)"

# neural-tangents, for the tangent bench: the JAX it was last released for, in a place of its own, without TensorFlow.
python3 -m venv .venv/neural-tangents
.venv/neural-tangents/bin/pip install --quiet "jax[cpu]==0.4.23" "numpy<2" "scipy<1.13" frozendict
.venv/neural-tangents/bin/pip install --quiet --no-deps neural-tangents==0.6.5
