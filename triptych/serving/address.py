"""Where a server listens, and who may ask it."""

from dataclasses import dataclass

from triptych.stage import require


@dataclass(frozen=True)
class Address:
    """Host, port and key of a server."""

    host: str = "127.0.0.1"
    """Address to listen on: this machine alone hears the default; 0.0.0.0 is every network."""
    port: int = 8000
    """TCP port; 0: any that is free."""
    api_key: str = ""
    """Key that /predict wants in the header X-API-Key; default: the variable TRIPTYCH_API_KEY. With
    a key there is no page."""

    def __post_init__(self) -> None:
        require(0 <= self.port < 65536, "port", "in 0..65535", self.port)
