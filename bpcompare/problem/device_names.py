"""How a device is asked for; known before PyTorch is loaded."""

import re

from bpcompare.errors import InputError
from bpcompare.language import _
from bpcompare.problem.whole_numbers import quoted


def is_device_name(text: str) -> bool:
    """Whether it is cpu, cuda, cuda:N, mps or auto; whether that device is here, is another question.

    Example:
        >>> is_device_name("cuda:1"), is_device_name("gpu")
        (True, False)
    """
    return re.fullmatch(r"cpu|mps|auto|cuda(:\d{1,4})?", text) is not None


def check_name(device: object) -> str:
    """The name of a device, whether it is here or not.

    Raises:
        InputError: No device is called so.

    Example:
        >>> check_name("gpu")
        Traceback (most recent call last):
        ...
        bpcompare.errors.InputError: device must be cpu, cuda, cuda:N, mps or auto; got 'gpu'
    """
    if not is_device_name(str(device)):
        raise InputError(_("device must be cpu, cuda, cuda:N, mps or auto; got {device}", device=quoted(device)))
    return str(device)
