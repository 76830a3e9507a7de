"""Refusal: a request that is answered 4xx or 503, with a stable code, a path and a sentence."""


class Refused(Exception):
    """The request as a whole is refused; each dialect words the answer in its own envelope."""

    def __init__(
        self, status: int, code: str, message: str, *, path: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.path = path
        self.headers = headers or {}
