"""`python -m infra.gemini_server --port 8090 --latency-ms 450 --fault-rate 429=0.33`"""

from __future__ import annotations

import argparse

import uvicorn

from infra.gemini_server.app import create_app
from infra.gemini_server.faults import KINDS
from infra.gemini_server.serve import listen
from infra.processes import end_with_parent


def main() -> None:
    """Serve on 127.0.0.1 until stopped."""
    end_with_parent()
    parser = argparse.ArgumentParser(prog="python -m infra.gemini_server", description="A local Gemini API.")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one (default: 8090)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="time of every call")
    parser.add_argument("--fault-rate", type=_rate, action="append", default=[], metavar="KIND=SHARE")
    parser.add_argument("--api-key", action="append", default=[], help="accept only these keys (default: any)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    args = parser.parse_args()
    try:
        app = create_app(
            latency_ms=args.latency_ms, fault_rates=dict(args.fault_rate), api_keys=args.api_key, seed=args.seed
        )
    except ValueError as error:
        parser.error(str(error))
    with listen(args.port) as listener:
        print(f"Gemini API on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run([listener])


def _rate(text: str) -> tuple[str, float]:
    kind, _, share = text.partition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if kind not in KINDS or not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be KIND=SHARE, KIND one of {', '.join(sorted(KINDS))}, SHARE 0 to 1")
    return kind, value


if __name__ == "__main__":
    main()
