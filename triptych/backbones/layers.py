"""Layers that several families share."""

from functools import cache

import keras
from keras import layers, ops

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def imagenet_scale(image: keras.KerasTensor) -> keras.KerasTensor:
    """Pictures 0..255 -> zero mean and unit variance a channel over ImageNet, in float32.

    float32 whatever the precision policy: float16 holds numbers above 128 in steps of 1/8 only.
    """
    return layers.Normalization(
        mean=[255 * m for m in IMAGENET_MEAN],
        variance=[(255 * s) ** 2 for s in IMAGENET_STD],
        dtype="float32",
        name="scale",
    )(image)


@keras.saving.register_keras_serializable(package="triptych")
class GroupedConv2D(layers.Conv2D):
    """`keras.layers.Conv2D` whose `groups` cost no time: [B, H, W, C] -> [B, h, w, filters].

    Same arguments and weights. `groups` must divide C and `filters`.
    """

    def convolution_op(self, inputs: keras.KerasTensor, kernel: keras.KerasTensor):  # type: ignore[no-untyped-def]
        if (
            keras.backend.backend() != "tensorflow"
            or self.data_format != "channels_last"
            or self.groups == 1
        ):
            return super().convolution_op(inputs, kernel)
        return _tensorflow_grouped_conv(
            inputs, kernel, self.groups, self.strides, self.padding, self.dilation_rate
        )


def _tensorflow_grouped_conv(  # type: ignore[no-untyped-def]
    inputs,
    kernel,
    groups: int,
    strides: tuple[int, int],
    padding: str,
    dilation: tuple[int, int],
    block: int = 32,
):
    """Grouped convolution of inputs [B, H, W, C] with kernel [h, w, C / groups, filters].

    Keras compiles grouped convolutions with XLA on a CPU, which is a hundred times slower, and
    TensorFlow's own have a gradient there only when oneDNN takes them. Without it the groups are
    put together into dense kernels of `block` input channels, zero off the diagonal: the wasted
    multiplications cost less than narrow ones do. benchmarks/grouped_conv.py measures all.
    """
    import tensorflow as tf

    def conv(x, k):  # type: ignore[no-untyped-def]
        return tf.nn.conv2d(x, k, strides, padding.upper(), dilations=dilation)

    if _has_grouped_gradient(inputs.dtype.name, padding.upper(), strides, dilation):
        return conv(inputs, kernel)
    height, width, depth, filters = kernel.shape
    joined = next(j for j in range(max(1, block // depth), 0, -1) if groups % j == 0)
    parts = groups // joined
    # [h, w, depth, parts, joined, f] -> [h, w, joined, depth, parts, joined, f]
    kernel = ops.reshape(kernel, (height, width, 1, depth, parts, joined, filters // groups))
    diagonal = ops.reshape(ops.eye(joined, dtype=kernel.dtype), (1, 1, joined, 1, 1, joined, 1))
    dense = ops.reshape(kernel * diagonal, (height, width, joined * depth, parts, filters // parts))
    return tf.concat(
        [
            conv(x, k)
            for x, k in zip(tf.split(inputs, parts, -1), tf.unstack(dense, axis=3), strict=True)
        ],
        axis=-1,
    )


@cache
def _has_grouped_gradient(
    dtype: str, padding: str, strides: tuple[int, int], dilation: tuple[int, int]
) -> bool:
    """Whether TensorFlow differentiates grouped convolutions on this device, found by trying."""
    import tensorflow as tf

    def gradient() -> list[tf.Tensor]:
        # not by a GradientTape, which records nothing in an init_scope
        x, kernel = tf.ones((1, 8, 8, 8), dtype), tf.ones((3, 3, 4, 8), dtype)
        options = {"strides": (1, *strides, 1), "padding": padding, "dilations": (1, *dilation, 1)}
        y = tf.raw_ops.Conv2D(input=x, filter=kernel, **options)
        return [
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=x.shape, filter=kernel, out_backprop=y, **options
            ),
            tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=kernel.shape, out_backprop=y, **options
            ),
        ]

    with tf.init_scope():
        try:
            gradient()
            tf.function(gradient)()
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
    return True
