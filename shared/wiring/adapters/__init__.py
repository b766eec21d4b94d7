"""Google's side of the ports. Clients are heavy, so they are imported and built on first use."""

from __future__ import annotations


def grpc_status(error: BaseException) -> str:
    """Return the gRPC status behind `error`, as `UNAVAILABLE`; TIMEOUT for a timeout of ours; "" where there is none.

    Google's libraries wrap errors in ValueError or RetryError now and then: the chain of causes tells the truth.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, TimeoutError):
            return "TIMEOUT"
        code = getattr(link, "grpc_status_code", None) or getattr(link, "code", None)
        code = code() if callable(code) else code
        if name := getattr(code, "name", ""):
            return str(name)
        if type(link).__module__.startswith("google.auth"):
            return "UNAUTHENTICATED"
        link = link.__cause__ or link.__context__
    return ""
