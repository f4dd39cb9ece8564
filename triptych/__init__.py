"""The kit that Triptych's tasks share: pictures, pipelines, backbones, training and run folders."""
