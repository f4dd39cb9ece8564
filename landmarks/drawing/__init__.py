"""Draws the faces of the generated data set with numpy and OpenCV."""
