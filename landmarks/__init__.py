"""Where are the N points of this face? Landmark regression, N read from the data."""

import triptych  # noqa: F401  (its switches must be set before TensorFlow starts)
