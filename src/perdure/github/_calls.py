"""The base of the client's parts, one for each noun."""

from perdure.github._transport import Transport


class Calls:
    """Calls that share one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
