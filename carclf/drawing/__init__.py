"""Draws the cars of the generated data set with numpy and OpenCV."""
