"""What training does when nothing else is asked for, and how far a learning rate may go.

Nothing is imported here, so that ``--help`` can show the defaults as fast as it can show nothing.
"""

LR = 0.1
EPOCHS = 50
SEED = 0
LARGEST_LR = 1e38  # float32 ends at 3.4e38; beyond it no step can be written down

# The methods that have a name of their own, as SOURCE+RULE; these are compared when none are asked for.
METHODS = {
    "manual": "formula+GradientDescent",
    "autograd": "autograd+GradientDescent",
    "adam": "autograd+torch.optim.Adam",
}
