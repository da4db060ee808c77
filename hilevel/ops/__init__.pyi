from hilevel.engine.op import Composite as Composite, Op as Op, composite as composite, op as op
from hilevel.ops import image as image, linalg as linalg, nn as nn, numpy as numpy
from hilevel.ops.core.associative import (
    associative_scan as associative_scan,
)
from hilevel.ops.core.control_flow import (
    cond as cond,
    fori_loop as fori_loop,
    map as map,
    scan as scan,
    switch as switch,
    vectorized_map as vectorized_map,
    while_loop as while_loop,
)
from hilevel.ops.core.conversion import (
    convert_to_numpy as convert_to_numpy,
    convert_to_tensor as convert_to_tensor,
    dtype as dtype,
    is_tensor as is_tensor,
)
from hilevel.ops.core.gradients import custom_gradient as custom_gradient
from hilevel.ops.core.scatter import (
    scatter as scatter,
    scatter_update as scatter_update,
    slice as slice,
    slice_update as slice_update,
)
from hilevel.ops.linalg import *
from hilevel.ops.linalg.determinants import (
    logdet as logdet,
)
from hilevel.ops.math.distances import (
    cdist as cdist,
)
from hilevel.ops.math.error_functions import erf as erf, erfc as erfc, erfinv as erfinv
from hilevel.ops.math.fourier import (
    fft as fft,
    fft2 as fft2,
    ifft2 as ifft2,
    irfft as irfft,
    rfft as rfft,
)
from hilevel.ops.math.gamma_functions import (
    gammainc as gammainc,
    lgamma as lgamma,
)
from hilevel.ops.math.ranking import in_top_k as in_top_k, top_k as top_k
from hilevel.ops.math.segments import (
    segment_max as segment_max,
    segment_min as segment_min,
    segment_prod as segment_prod,
    segment_sum as segment_sum,
)
from hilevel.ops.math.short_time import (
    istft as istft,
    stft as stft,
)
from hilevel.ops.nn import *
from hilevel.ops.nn.activations import mish as mish
from hilevel.ops.nn.dense import dense as dense
from hilevel.ops.nn.dropout import drop as drop
from hilevel.ops.nn.normalization import standardize as standardize
from hilevel.ops.nn.recurrence import recurrent as recurrent
from hilevel.ops.nn.unfolding import extract_sequences as extract_sequences
from hilevel.ops.numpy import *
from hilevel.ops.numpy.complex import (
    view_as_complex as view_as_complex,
    view_as_real as view_as_real,
)
from hilevel.ops.numpy.derived import saturate_cast as saturate_cast
from hilevel.ops.numpy.einops import (
    rearrange as rearrange,
)
from hilevel.ops.numpy.elementwise import cast as cast, stop_gradient as stop_gradient
from hilevel.ops.numpy.indexing import getitem as getitem, scatter_add as scatter_add
from hilevel.ops.numpy.joining import unstack as unstack
from hilevel.ops.numpy.reduction import logsumexp as logsumexp
from hilevel.ops.numpy.shaping import shape as shape
from hilevel.ops.numpy.transcendental import rsqrt as rsqrt
