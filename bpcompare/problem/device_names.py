"""How a device is asked for; known before PyTorch is loaded."""

import re


def is_device_name(text: str) -> bool:
    """Whether it is cpu, cuda, cuda:N, mps or auto; whether that device is here, is another question.

    Example:
        >>> is_device_name("cuda:1"), is_device_name("gpu")
        (True, False)
    """
    return re.fullmatch(r"cpu|mps|auto|cuda(:\d{1,4})?", text) is not None
