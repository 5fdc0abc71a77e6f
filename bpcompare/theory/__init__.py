"""What is known without training: the optimum, the curvature, and the whole path of gradient descent."""
