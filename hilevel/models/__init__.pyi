from hilevel.models.clone import clone_model as clone_model
from hilevel.models.model import Model as Model
from hilevel.models.sequential import Sequential as Sequential
