from hilevel.explain.cam import grad_cam as grad_cam
from hilevel.explain.gradients import (
    integrated_gradients as integrated_gradients,
    saliency as saliency,
    smooth_grad as smooth_grad,
)
from hilevel.explain.permutation import permutation_importance as permutation_importance
from hilevel.explain.pictures import show as show
from hilevel.explain.rollout import attention_rollout as attention_rollout
from hilevel.explain.windows import occlusion as occlusion
