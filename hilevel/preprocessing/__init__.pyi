from hilevel.preprocessing import image as image, sequence as sequence
from hilevel.utils.directory_datasets import (
    image_dataset_from_directory as image_dataset_from_directory,
    text_dataset_from_directory as text_dataset_from_directory,
)
from hilevel.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array
