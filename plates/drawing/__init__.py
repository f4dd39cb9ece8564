"""Draws number plates, what befalls them and where they hang, with numpy, OpenCV and Pillow."""
