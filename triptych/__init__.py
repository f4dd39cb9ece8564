"""The kit that Triptych's tasks share: pictures, pipelines, backbones, training and run folders."""

import os

# TensorFlow leaves oneDNN off on x86 processors without AVX-512, where it trains our models twice
# as fast, and where grouped convolutions have no gradient without it. Read when TensorFlow starts.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
