"""Which car model is this? Picture classification by transfer learning."""

import triptych  # noqa: F401  (its switches must be set before TensorFlow starts)
