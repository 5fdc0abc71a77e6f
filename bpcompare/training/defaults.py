"""What training does when nothing else is asked for; nothing is imported here, so that ``--help`` can show it."""

LR = 0.1
EPOCHS = 50
SEED = 0
