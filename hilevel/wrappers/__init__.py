"""Models as estimators of scikit-learn. They need `pip install 'hilevel[sklearn]'`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
