from hilevel.ops.image.borders import crop_images as crop_images, pad_images as pad_images
from hilevel.ops.image.color import (
    hsv_to_rgb as hsv_to_rgb,
    rgb_to_grayscale as rgb_to_grayscale,
    rgb_to_hsv as rgb_to_hsv,
)
from hilevel.ops.image.elastic import elastic_transform as elastic_transform
from hilevel.ops.image.filters import (
    gaussian_blur as gaussian_blur,
    sobel_edges as sobel_edges,
    ssim as ssim,
)
from hilevel.ops.image.patches import (
    extract_patches as extract_patches,
    extract_patches_3d as extract_patches_3d,
    reconstruct_patches as reconstruct_patches,
)
from hilevel.ops.image.resizing import resize as resize, scale_and_translate as scale_and_translate
from hilevel.ops.image.sampling import (
    affine_transform as affine_transform,
    map_coordinates as map_coordinates,
    perspective_transform as perspective_transform,
)
