"""Images as files, as objects of Pillow, and as arrays."""

from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.utils.images import array_to_img, img_to_array, load_img, save_img, smart_resize

_install_getattr(__name__)
__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
