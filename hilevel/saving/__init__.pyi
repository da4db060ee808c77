from hilevel.api.custom_objects import (
    CustomObjectScope as CustomObjectScope,
    custom_object_scope as custom_object_scope,
    get_custom_objects as get_custom_objects,
    get_registered_name as get_registered_name,
    get_registered_object as get_registered_object,
    register_keras_serializable as register_keras_serializable,
)
from hilevel.saving.models import load_model as load_model, save_model as save_model
from hilevel.saving.objects import (
    deserialize_keras_object as deserialize_keras_object,
    serialize_keras_object as serialize_keras_object,
)
from hilevel.saving.weights import load_weights as load_weights, save_weights as save_weights
