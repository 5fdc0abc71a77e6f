"""An array that takes rows until there are no more, with few copies."""

import numpy as np
import torch
from numpy.typing import NDArray

MORE = 1.5  # how much larger the next array is, where nobody knew how many rows would come


class GrowingArray:
    """Rows of numbers, (rows, columns) float64, in one piece of memory.

    Example:
        >>> numbers = GrowingArray(2)
        >>> numbers.add([np.array([1.0, 3.0]), np.array([2.0, 4.0])])
        >>> numbers.whole().tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """

    def __init__(self, columns: int) -> None:
        self.array = np.empty((0, columns))
        self.rows = 0

    def reserve(self, rows: int) -> None:
        """Makes room for so many rows; new pages are taken only as they are written to.

        PyTorch's room is of small pages, NumPy's of large ones where there are any: on a virtual machine that hands
        free memory back to its host, each of those can take as long as reading fifty thousand rows.
        """
        if rows > len(self.array):
            larger = torch.empty(rows, self.array.shape[1], dtype=torch.float64).numpy()
            larger[: self.rows] = self.array[: self.rows]
            self.array = larger

    def add(self, columns: list[NDArray[np.float64]]) -> None:
        """Puts more rows, given as columns, after the others."""
        rows = self.rows + len(columns[0])
        if rows > len(self.array):
            self.reserve(int(MORE * rows))
        for place, column in enumerate(columns):
            self.array[self.rows : rows, place] = column
        self.rows = rows

    def whole(self) -> NDArray[np.float64]:
        """The rows so far."""
        return self.array[: self.rows]
