from hilevel.callbacks.progress import Progbar as Progbar
from hilevel.config import (
    disable_interactive_logging as disable_interactive_logging,
    enable_interactive_logging as enable_interactive_logging,
    is_interactive_logging_enabled as is_interactive_logging_enabled,
)
from hilevel.engine.dtypes import standardize_dtype as standardize_dtype
from hilevel.engine.names import clear_session as clear_session
from hilevel.random.seed import set_random_seed as set_random_seed
from hilevel.saving import (
    CustomObjectScope as CustomObjectScope,
    custom_object_scope as custom_object_scope,
    deserialize_keras_object as deserialize_keras_object,
    get_custom_objects as get_custom_objects,
    get_registered_name as get_registered_name,
    get_registered_object as get_registered_object,
    register_keras_serializable as register_keras_serializable,
    serialize_keras_object as serialize_keras_object,
)
from hilevel.training.data import (
    PyDataset as PyDataset,
    Sequence as Sequence,
    pack_x_y_sample_weight as pack_x_y_sample_weight,
    unpack_x_y_sample_weight as unpack_x_y_sample_weight,
)
from hilevel.utils import bounding_boxes as bounding_boxes, legacy as legacy
from hilevel.utils.config import Config as Config
from hilevel.utils.directory_datasets import (
    audio_dataset_from_directory as audio_dataset_from_directory,
    image_dataset_from_directory as image_dataset_from_directory,
    text_dataset_from_directory as text_dataset_from_directory,
)
from hilevel.utils.feature_space import FeatureSpace as FeatureSpace
from hilevel.utils.files import get_file as get_file
from hilevel.utils.flops import count_flops as count_flops
from hilevel.utils.graphs import get_source_inputs as get_source_inputs
from hilevel.utils.images import (
    array_to_img as array_to_img,
    img_to_array as img_to_array,
    load_img as load_img,
    save_img as save_img,
)
from hilevel.utils.model_plot import model_to_dot as model_to_dot, plot_model as plot_model
from hilevel.utils.numerical import (
    is_keras_tensor as is_keras_tensor,
    normalize as normalize,
    pad_sequences as pad_sequences,
    split_dataset as split_dataset,
    to_categorical as to_categorical,
)
from hilevel.utils.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array
