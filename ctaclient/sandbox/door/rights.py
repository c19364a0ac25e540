"""What a token allows, and where (storage.md 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from ctaclient.sandbox.namespace.path import decode_path, starts_with
from ctaclient.sandbox.serving.answer import Refusal

if TYPE_CHECKING:
    from ctaclient.sandbox.namespace.path import Path


class Activity(Enum):
    """dCache's words."""

    LIST = auto()
    METADATA = auto()
    DOWNLOAD = auto()
    UPLOAD = auto()
    MANAGE = auto()
    DELETE = auto()
    STAGE = auto()


_A = Activity
_ACTIVITIES = {
    "storage.read": frozenset({_A.LIST, _A.METADATA, _A.DOWNLOAD}),
    "storage.create": frozenset({_A.METADATA, _A.UPLOAD, _A.MANAGE}),  # no DELETE: no clean-up, no overwrite
    "storage.modify": frozenset({_A.LIST, _A.METADATA, _A.UPLOAD, _A.MANAGE, _A.DELETE}),
    "storage.stage": frozenset({_A.LIST, _A.METADATA, _A.DOWNLOAD, _A.STAGE}),
    "storage.poll": frozenset({_A.METADATA}),
}
# Whoever may do anything at /a/b may list it and its ancestors (dCache, MultiTargetedRestriction).
_ON_ANCESTORS = frozenset({_A.LIST, _A.METADATA})


@dataclass(frozen=True, slots=True)
class Rights:
    """`grants` None: the rights of the user, which here are all."""

    grants: tuple[tuple[frozenset[Activity], Path], ...] | None

    @classmethod
    def from_scope(cls, scope: str) -> Rights:
        """Any storage scope replaces all other rights. A scope that cannot be read grants nothing."""
        words = [word.partition(":") for word in scope.split() if word.startswith("storage.")]
        if not words:
            return cls(None)
        grants = []
        for name, _, raw in words:
            try:
                grants.append((_ACTIVITIES.get(name, frozenset()), decode_path(raw)))
            except (Refusal, UnicodeEncodeError):
                continue
        return cls(tuple(grants))

    def allow(self, activity: Activity, path: Path) -> bool:
        """Whether the activity is allowed at `path`."""
        if self.grants is None:
            return True
        return any(
            (activity in activities and starts_with(path, prefix))
            or (activity in _ON_ANCESTORS and starts_with(prefix, path))
            for activities, prefix in self.grants
        )

    def demand(self, activity: Activity, path: Path) -> None:
        """Raises Refusal 403."""
        if not self.allow(activity, path):
            raise Refusal(403, "Permission denied")
