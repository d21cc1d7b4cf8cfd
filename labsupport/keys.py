"""Key names: every key of a notebook stands under one namespace and is remembered."""

from __future__ import annotations

from labsupport.errors import BadArgument


class Keys:
    """Turns `course:204` into `<namespace>:course:204` and remembers each name it handed out.

    The memory is what makes cleaning up safe on a server that others use too: exactly these
    names are deleted, and nothing is searched for or flushed. It lasts as long as the notebook: who
    has a name may use it again at any time.
    """

    def __init__(self, namespace: str) -> None:
        """`namespace` is put before every key, such as `lab:03` (BadArgument if empty)."""
        if not isinstance(namespace, str) or not namespace:
            raise BadArgument("the namespace is empty, so these keys could collide with anybody's.")
        self.namespace = namespace
        self.handed_out: set[str] = set()

    def name(self, key: str) -> str:
        """The full name of `key`, an `entity:id` such as `course:204` (BadArgument if empty)."""
        if not isinstance(key, str) or not key:
            raise BadArgument(f"{key!r} is no key: give a non-empty str such as 'course:204'.")
        name = f"{self.namespace}:{key}"
        self.handed_out.add(name)
        return name

    def __repr__(self) -> str:
        return f"Keys({self.namespace!r}, {len(self.handed_out)} handed out)"
