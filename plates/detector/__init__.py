"""Where are the number plates in this photograph? A U-Net, and four corners from its maps."""
