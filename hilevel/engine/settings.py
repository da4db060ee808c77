"""The settings of the process, for `hilevel.config`."""

from __future__ import annotations

from typing import Any

import numpy as np


class Settings:
    """The default float type, fuzz factor and image layout, the style of logs, and the limits of training.

    Attributes:
        distribution: the `Distribution` of arrays over devices, by `set_distribution`; None for one device.
        process, processes: the index of this process, and the number of processes of the program.
    """

    floatx: str = "float32"
    floatx_dtype: np.dtype[Any] = np.dtype("float32")
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    interactive_logging: bool = True
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    distribution: Any = None
    process: int = 0
    processes: int = 1


settings = Settings()
