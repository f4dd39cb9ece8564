"""Where are the number plates in this photograph? A Mask R-CNN, in parts that any Keras can run."""
