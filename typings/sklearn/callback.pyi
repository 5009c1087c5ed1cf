from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

class CallbackSupportMixin:
    def _init_callback_context(self, *, max_subtasks: int | None = 0) -> Any: ...

def with_callbacks(method: F) -> F: ...
