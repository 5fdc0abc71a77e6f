"""What a gradient of the squared error is made of – residual, x, samples, product – and how learners vary each.

Every variant returns two arrays: its value, and the sum of the absolute values of its terms, which bounds its rounding.
``view`` holds a problem; ``residuals``, ``inputs`` and ``products`` are the tables of variants by their mistakes.
"""
