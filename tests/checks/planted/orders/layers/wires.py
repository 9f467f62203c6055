"""The bottom."""

import time
import urllib.request as asking


def ask(item: int) -> float:
    asking.urlopen("http://rates")  # expect: network
    time.sleep(0.1)  # expect: blocking
    return float(item)
