"""From what the user has to batches: arrays, lists, dicts, generators, datasets."""

from hilevel.data.adapters import Batches, adapt
from hilevel.data.arrays import ArrayBatches
from hilevel.data.pydataset import PyDataset, Sequence
from hilevel.data.unpack import pack_x_y_sample_weight, unpack_x_y_sample_weight

__all__ = [
    "ArrayBatches",
    "Batches",
    "PyDataset",
    "Sequence",
    "adapt",
    "pack_x_y_sample_weight",
    "unpack_x_y_sample_weight",
]
