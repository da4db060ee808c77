"""Data sets for training and tests.

`digits` and `authors` are shipped. The others are downloaded when they are first used, which needs
`pip install 'hilevel[data]'`, checked, and kept in `$HILEVEL_HOME/datasets`, or `~/.hilevel/datasets`.
"""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
