"""Where is the number plate, and what does it say?"""

import triptych  # noqa: F401  (its switches must be set before TensorFlow starts)
