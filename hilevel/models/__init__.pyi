from hilevel.models.clone import clone_model as clone_model
from hilevel.models.model import Model as Model
from hilevel.models.sequential import Sequential as Sequential
from hilevel.saving.models import (
    load_model as load_model,
    model_from_json as model_from_json,
    save_model as save_model,
)
