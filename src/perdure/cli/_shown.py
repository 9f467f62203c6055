"""Text from elsewhere, made safe for a terminal.

A step's name, a branch or a log line may hold escape sequences that rewrite what was printed, change the
window's title or, on some terminals, type commands. Colours go too: what is left is text.
"""

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movement
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS and the like, to their end
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]",  # every other control character but tab and newline
    re.MULTILINE,
)


def shown(text: str) -> str:
    """Return the text without anything that a terminal would obey."""
    return _ESCAPES.sub("", text.replace("\r\n", "\n"))
