"""Where a classifier looks: Grad-CAM (Selvaraju et al. 2017) on the backbone's last features."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from carclf.model import parts


def heat_maps(model: keras.Model, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """What in each picture speaks for its class, [B, h, w] float32 in [0, 1].

    `images` uint8 [B, H, W, 3] RGB at the model's picture size, `classes` [B] positions; h, w are
    the feature map's. Channels are weighted by the mean gradient of the class's logit and summed;
    negative sums are 0 and the largest is 1. Sums of one sign are taken above their smallest:
    a constant channel moves them all, and the plain rule would leave an empty or a full map.
    """
    backbone, head = parts(model)
    features = keras.ops.cast(backbone(images, training=False), "float32")
    weights = logit_gradient(head, features, classes).mean(axis=(1, 2), keepdims=True)
    sums = (weights * np.asarray(features)).sum(axis=-1)
    low, high = sums.min(axis=(1, 2), keepdims=True), sums.max(axis=(1, 2), keepdims=True)
    low = np.where((low < 0) & (high > 0), 0, low)
    return np.maximum(sums - low, 0) / np.where(high > low, high - low, 1)


def logit_gradient(head: keras.Model, features: Any, classes: np.ndarray) -> np.ndarray:
    """Gradient of logit classes[b] with respect to features[b], [B, h, w, C], from `head`."""
    # TensorFlow's tape, since keras.ops has no gradient.
    with tf.GradientTape() as tape:
        tape.watch(features)
        logits = head(features, training=False)
        # Rows are independent, so the gradient of the sum holds that of each picture.
        chosen = tf.reduce_sum(tf.gather(logits, classes, batch_dims=1))
    return tape.gradient(chosen, features).numpy()
