"""The conversion of data to batches: of arrays, lists, dicts, generators and datasets."""

from hilevel.training.data.adapters import adapt
from hilevel.training.data.arrays import ArrayBatches
from hilevel.training.data.batches import Batches
from hilevel.training.data.pydataset import PyDataset, Sequence
from hilevel.training.data.unpack import pack_x_y_sample_weight, unpack_x_y_sample_weight

__all__ = [
    "ArrayBatches",
    "Batches",
    "PyDataset",
    "Sequence",
    "adapt",
    "pack_x_y_sample_weight",
    "unpack_x_y_sample_weight",
]
