from hilevel.distribution.distributions import (
    DataParallel as DataParallel,
    Distribution as Distribution,
    ModelParallel as ModelParallel,
    distribution as distribution,
    set_distribution as set_distribution,
)
from hilevel.distribution.layouts import (
    DeviceMesh as DeviceMesh,
    LayoutMap as LayoutMap,
    TensorLayout as TensorLayout,
    distribute_tensor as distribute_tensor,
    fully_sharded as fully_sharded,
)
from hilevel.distribution.processes import (
    get_device_count as get_device_count,
    initialize as initialize,
    list_devices as list_devices,
)
