import math

import torch
from marker.layers.layer import draw, drawer, layer


@layer("sigmoid", lambda x: torch.sigmoid(x), drawer("nd"))
def sigmoid(g, x):
    s = torch.sigmoid(x)
    return g * s * (1 - s)


@sigmoid.mistake(r"1 − s")
def derivative_without_the_output(g, x):
    return g * (1 - torch.sigmoid(x))


@sigmoid.mistake(r"input z|z\(1 − z\)")
def derivative_from_the_input(g, x):
    return g * x * (1 - x)


@layer("tanh", lambda x: torch.tanh(x), drawer("nd"))
def tanh(g, x):
    return g * (1 - torch.tanh(x) ** 2)


@tanh.mistake(r"1 − t,")
def not_squared(g, x):
    return g * (1 - torch.tanh(x))


@layer("relu", lambda x: torch.relu(x), drawer("nd"))
def relu(g, x):
    return g * (x > 0)


@relu.mistake(r"mask is taken from the gradient")
def mask_of_the_gradient(g, x):
    return g * (g > 0)


@relu.mistake(r"output, not the mask")
def output_for_mask(g, x):
    return g * torch.relu(x)


@layer("leaky relu", lambda x: torch.where(x > 0, x, 0.1 * x), drawer("nd"))
def leaky_relu(g, x):
    return torch.where(x > 0, g, 0.1 * g)


@leaky_relu.mistake(r"0\.1 \* x.*not followed|0\.1 \* x.*held constant")
def leak_forgotten(g, x):
    return g * (x > 0)


@leaky_relu.mistake(r"other factor is left out")
def leak_of_one(g, x):
    return torch.where(x > 0, g, g)


@layer("silu", lambda x: torch.nn.functional.silu(x), drawer("nd"))
def silu(g, x):
    s = torch.sigmoid(x)
    return g * (s + x * s * (1 - s))


@silu.mistake(r"gate.*(held constant|not followed)")
def gate_held_constant(g, x):
    return g * torch.sigmoid(x)


@silu.mistake(r"1 − s")
def gate_derivative_wrong(g, x):
    s = torch.sigmoid(x)
    return g * (s + x * (1 - s))


def gelu_forward(x):
    cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return x * cdf


@layer("gelu", gelu_forward, drawer("nd"))
def gelu(g, x):
    cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return g * (cdf + x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi))


@gelu.mistake(r"cdf.*(held constant|not followed)")
def density_term_forgotten(g, x):
    return g * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


@gelu.mistake(r"2/√π|1/√|factor|multiplied by")
def density_not_normalised(g, x):
    cdf = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return g * (cdf + x * torch.exp(-x * x / 2))


def gelu_tanh_forward(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + torch.tanh(inner))


@layer("gelu with tanh", gelu_tanh_forward, drawer("nd"))
def gelu_tanh(g, x):
    c = math.sqrt(2 / math.pi)
    t = torch.tanh(c * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x))


@gelu_tanh.mistake(r"exponent is not multiplied")
def factor_three_missing(g, x):
    c = math.sqrt(2 / math.pi)
    t = torch.tanh(c * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 0.044715 * x * x))


@gelu_tanh.mistake(r"x\*\*3.*(held constant|not followed)")
def cubic_term_forgotten(g, x):
    c = math.sqrt(2 / math.pi)
    t = torch.tanh(c * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c)


@layer("softplus", lambda x: torch.log(1 + torch.exp(x)), drawer("nd"))
def softplus(g, x):
    return g * torch.sigmoid(x)


@softplus.mistake(r"log.*left out|1/x is left out|passed straight")
def log_forgotten(g, x):
    return g * torch.exp(x)


@layer("swiglu", lambda a, b: a * torch.sigmoid(a) * b, drawer("nd", "nd"))
def swiglu(g, a, b):
    s = torch.sigmoid(a)
    return g * b * (s + a * s * (1 - s)), g * a * s


@swiglu.mistake(r"σ|sigmoid", (1,))
def gate_for_silu(g, a, b):
    s = torch.sigmoid(a)
    return g * b * (s + a * s * (1 - s)), g * a


@layer("clamp", lambda x: torch.clamp(x, -0.5, 0.5), drawer("nd"))
def clamp(g, x):
    return g * ((x > -0.5) & (x < 0.5))


@clamp.mistake(r"left out|passed straight")
def straight_through(g, x):
    return g


def with_mask(k):
    x, drawn = draw(k, "nd", "nd")
    return x, (drawn > -0.4).double()


@layer("dropout mask", lambda x, mask: x * mask / 0.75, with_mask)
def dropout(g, x, mask):
    return g * mask / 0.75, g * x / 0.75


@dropout.mistake(r"not divided|0\.75")
def scale_forgotten(g, x, mask):
    return g * mask, g * x / 0.75


@dropout.mistake(r"factor is left out|mask")
def mask_forgotten(g, x, mask):
    return g / 0.75, g * x / 0.75
