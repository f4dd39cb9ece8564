"""Where are the number plates in this photograph? A Mask R-CNN, in parts that any Keras can run."""

SIDE = 28
"""Cells of a mask, across and down."""
