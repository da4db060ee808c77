from typing import Any

from hilevel.api.registry import Registry
from hilevel.layers.activations.activation import Activation as Activation
from hilevel.layers.activations.rectified import (
    ELU as ELU,
    LeakyReLU as LeakyReLU,
    PReLU as PReLU,
    ReLU as ReLU,
)
from hilevel.layers.activations.softmax import Softmax as Softmax
from hilevel.layers.attention.additive_attention import AdditiveAttention as AdditiveAttention
from hilevel.layers.attention.attention import Attention as Attention
from hilevel.layers.attention.grouped_query_attention import (
    GroupedQueryAttention as GroupedQueryAttention,
    GroupQueryAttention as GroupQueryAttention,
)
from hilevel.layers.attention.multi_head_attention import MultiHeadAttention as MultiHeadAttention
from hilevel.layers.base.input_spec import InputSpec as InputSpec
from hilevel.layers.base.layer import Layer as Layer
from hilevel.layers.convolutional.conv import (
    Conv1D as Conv1D,
    Conv2D as Conv2D,
    Conv3D as Conv3D,
    Convolution1D as Convolution1D,
    Convolution2D as Convolution2D,
    Convolution3D as Convolution3D,
)
from hilevel.layers.convolutional.conv_transpose import (
    Conv1DTranspose as Conv1DTranspose,
    Conv2DTranspose as Conv2DTranspose,
    Conv3DTranspose as Conv3DTranspose,
    Convolution1DTranspose as Convolution1DTranspose,
    Convolution2DTranspose as Convolution2DTranspose,
    Convolution3DTranspose as Convolution3DTranspose,
)
from hilevel.layers.convolutional.depthwise_conv import (
    DepthwiseConv1D as DepthwiseConv1D,
    DepthwiseConv2D as DepthwiseConv2D,
)
from hilevel.layers.convolutional.separable_conv import (
    SeparableConv1D as SeparableConv1D,
    SeparableConv2D as SeparableConv2D,
    SeparableConvolution1D as SeparableConvolution1D,
    SeparableConvolution2D as SeparableConvolution2D,
)
from hilevel.layers.core.dense import Dense as Dense
from hilevel.layers.core.einsum_dense import EinsumDense as EinsumDense
from hilevel.layers.core.embedding import Embedding as Embedding
from hilevel.layers.core.identity import Identity as Identity
from hilevel.layers.core.input_layer import Input as Input, InputLayer as InputLayer
from hilevel.layers.core.lambda_layer import Lambda as Lambda
from hilevel.layers.core.masking import Masking as Masking
from hilevel.layers.core.reversible_embedding import ReversibleEmbedding as ReversibleEmbedding
from hilevel.layers.core.wrapper import Wrapper as Wrapper
from hilevel.layers.merging.concatenate import Concatenate as Concatenate, concatenate as concatenate
from hilevel.layers.merging.dot import Dot as Dot, dot as dot
from hilevel.layers.merging.elementwise import (
    Add as Add,
    Average as Average,
    Maximum as Maximum,
    Minimum as Minimum,
    Multiply as Multiply,
    Subtract as Subtract,
    add as add,
    average as average,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    subtract as subtract,
)
from hilevel.layers.normalization.batch_normalization import BatchNormalization as BatchNormalization
from hilevel.layers.normalization.group_normalization import GroupNormalization as GroupNormalization
from hilevel.layers.normalization.layer_normalization import LayerNormalization as LayerNormalization
from hilevel.layers.normalization.rms_normalization import RMSNormalization as RMSNormalization
from hilevel.layers.normalization.spectral_normalization import SpectralNormalization as SpectralNormalization
from hilevel.layers.normalization.unit_normalization import UnitNormalization as UnitNormalization
from hilevel.layers.pooling.adaptive_pooling import (
    AdaptiveAveragePooling1D as AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D as AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D as AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D as AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D as AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D as AdaptiveMaxPooling3D,
)
from hilevel.layers.pooling.average_pooling import (
    AveragePooling1D as AveragePooling1D,
    AveragePooling2D as AveragePooling2D,
    AveragePooling3D as AveragePooling3D,
    AvgPool1D as AvgPool1D,
    AvgPool2D as AvgPool2D,
    AvgPool3D as AvgPool3D,
)
from hilevel.layers.pooling.global_pooling import (
    GlobalAveragePooling1D as GlobalAveragePooling1D,
    GlobalAveragePooling2D as GlobalAveragePooling2D,
    GlobalAveragePooling3D as GlobalAveragePooling3D,
    GlobalAvgPool1D as GlobalAvgPool1D,
    GlobalAvgPool2D as GlobalAvgPool2D,
    GlobalAvgPool3D as GlobalAvgPool3D,
    GlobalMaxPool1D as GlobalMaxPool1D,
    GlobalMaxPool2D as GlobalMaxPool2D,
    GlobalMaxPool3D as GlobalMaxPool3D,
    GlobalMaxPooling1D as GlobalMaxPooling1D,
    GlobalMaxPooling2D as GlobalMaxPooling2D,
    GlobalMaxPooling3D as GlobalMaxPooling3D,
)
from hilevel.layers.pooling.max_pooling import (
    MaxPool1D as MaxPool1D,
    MaxPool2D as MaxPool2D,
    MaxPool3D as MaxPool3D,
    MaxPooling1D as MaxPooling1D,
    MaxPooling2D as MaxPooling2D,
    MaxPooling3D as MaxPooling3D,
)
from hilevel.layers.preprocessing.category_encoding import CategoryEncoding as CategoryEncoding
from hilevel.layers.preprocessing.discretization import Discretization as Discretization
from hilevel.layers.preprocessing.hashed_crossing import HashedCrossing as HashedCrossing
from hilevel.layers.preprocessing.hashing import Hashing as Hashing
from hilevel.layers.preprocessing.image.affine import (
    RandomRotation as RandomRotation,
    RandomShear as RandomShear,
    RandomTranslation as RandomTranslation,
    RandomZoom as RandomZoom,
)
from hilevel.layers.preprocessing.image.augmix import AugMix as AugMix
from hilevel.layers.preprocessing.image.bounding_boxes import MaxNumBoundingBoxes as MaxNumBoundingBoxes
from hilevel.layers.preprocessing.image.contrast import (
    AutoContrast as AutoContrast,
    RandomBrightness as RandomBrightness,
    RandomContrast as RandomContrast,
)
from hilevel.layers.preprocessing.image.cropping import CenterCrop as CenterCrop, RandomCrop as RandomCrop
from hilevel.layers.preprocessing.image.erasing import RandomErasing as RandomErasing
from hilevel.layers.preprocessing.image.filters import (
    RandomGaussianBlur as RandomGaussianBlur,
    RandomSharpness as RandomSharpness,
)
from hilevel.layers.preprocessing.image.flipping import RandomFlip as RandomFlip
from hilevel.layers.preprocessing.image.histogram import (
    ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
    Equalization as Equalization,
)
from hilevel.layers.preprocessing.image.mixing import CutMix as CutMix, MixUp as MixUp
from hilevel.layers.preprocessing.image.mosaic import Mosaic as Mosaic
from hilevel.layers.preprocessing.image.perspective import (
    RandomElasticTransform as RandomElasticTransform,
    RandomPerspective as RandomPerspective,
)
from hilevel.layers.preprocessing.image.policies import RandAugment as RandAugment
from hilevel.layers.preprocessing.image.resizing import Resizing as Resizing
from hilevel.layers.preprocessing.image.saturation import (
    RandomColorDegeneration as RandomColorDegeneration,
    RandomColorJitter as RandomColorJitter,
    RandomGrayscale as RandomGrayscale,
    RandomHue as RandomHue,
    RandomSaturation as RandomSaturation,
)
from hilevel.layers.preprocessing.image.tone import (
    RandomInvert as RandomInvert,
    RandomPosterization as RandomPosterization,
    Solarization as Solarization,
)
from hilevel.layers.preprocessing.integer_lookup import IntegerLookup as IntegerLookup
from hilevel.layers.preprocessing.mel_spectrogram import MelSpectrogram as MelSpectrogram
from hilevel.layers.preprocessing.normalization import Normalization as Normalization
from hilevel.layers.preprocessing.pipeline import Pipeline as Pipeline
from hilevel.layers.preprocessing.rescaling import Rescaling as Rescaling
from hilevel.layers.preprocessing.stft_spectrogram import STFTSpectrogram as STFTSpectrogram
from hilevel.layers.preprocessing.string_lookup import StringLookup as StringLookup
from hilevel.layers.preprocessing.text_vectorization import TextVectorization as TextVectorization
from hilevel.layers.regularization.activity_regularization import (
    ActivityRegularization as ActivityRegularization,
)
from hilevel.layers.regularization.alpha_dropout import AlphaDropout as AlphaDropout
from hilevel.layers.regularization.dropout import Dropout as Dropout
from hilevel.layers.regularization.gaussian import (
    GaussianDropout as GaussianDropout,
    GaussianNoise as GaussianNoise,
)
from hilevel.layers.regularization.spatial_dropout import (
    SpatialDropout1D as SpatialDropout1D,
    SpatialDropout2D as SpatialDropout2D,
    SpatialDropout3D as SpatialDropout3D,
)
from hilevel.layers.reshaping.cropping import (
    Cropping1D as Cropping1D,
    Cropping2D as Cropping2D,
    Cropping3D as Cropping3D,
)
from hilevel.layers.reshaping.flatten import Flatten as Flatten
from hilevel.layers.reshaping.permute import Permute as Permute
from hilevel.layers.reshaping.repeat_vector import RepeatVector as RepeatVector
from hilevel.layers.reshaping.reshape import Reshape as Reshape
from hilevel.layers.reshaping.up_sampling import (
    UpSampling1D as UpSampling1D,
    UpSampling2D as UpSampling2D,
    UpSampling3D as UpSampling3D,
)
from hilevel.layers.reshaping.zero_padding import (
    ZeroPadding1D as ZeroPadding1D,
    ZeroPadding2D as ZeroPadding2D,
    ZeroPadding3D as ZeroPadding3D,
)
from hilevel.layers.rnn.bidirectional import Bidirectional as Bidirectional
from hilevel.layers.rnn.conv_lstm import (
    ConvLSTM1D as ConvLSTM1D,
    ConvLSTM2D as ConvLSTM2D,
    ConvLSTM3D as ConvLSTM3D,
)
from hilevel.layers.rnn.gru import GRU as GRU, GRUCell as GRUCell
from hilevel.layers.rnn.lstm import LSTM as LSTM, LSTMCell as LSTMCell
from hilevel.layers.rnn.rnn import RNN as RNN
from hilevel.layers.rnn.simple_rnn import SimpleRNN as SimpleRNN, SimpleRNNCell as SimpleRNNCell
from hilevel.layers.rnn.stacked_rnn_cells import StackedRNNCells as StackedRNNCells
from hilevel.layers.rnn.time_distributed import TimeDistributed as TimeDistributed

_registry: Registry

def serialize(layer: Layer) -> Any: ...
def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Layer: ...
