"""Environment, files, network, processes and threads."""

import glob
import io
import os
import os.path
import platform
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from os import environ, getenv
from pathlib import Path

import requests
from temporalio import workflow


@workflow.defn(name="world")
class WorldWorkflow:
    def __init__(self) -> None:
        self.lock = threading.Lock()  # expect: thread

    @workflow.run
    async def run(self, folder: Path) -> None:
        os.environ["A"]  # expect: environment
        os.environ.get("B")  # expect: environment
        environ.copy()  # expect: environment
        getenv("C")  # expect: environment
        sys.argv[1:]  # expect: environment
        platform.node()  # expect: environment
        socket.gethostname()  # expect: environment
        os.cpu_count()  # expect: environment

    @workflow.signal
    async def files(self, folder: Path = Path()) -> None:
        with open("x") as file:  # expect: files
            file.read()
        io.open("y")  # expect: files
        folder.read_text()  # expect: files
        (folder / "z").exists()  # expect: files
        os.path.isfile("z")  # expect: files
        os.stat("z")  # expect: files
        glob.glob("*")  # expect: files
        sqlite3.connect("db")  # expect: files
        tempfile.mkdtemp()  # expect: files

    @workflow.signal(name="net")
    async def network(self) -> None:
        urllib.request.urlopen("http://x")  # expect: network
        requests.get("http://x")  # expect: network
        subprocess.run(["x"])  # expect: process
        os.system("x")  # expect: process
        with ThreadPoolExecutor() as pool:  # expect: thread
            pool.submit(print)  # expect: thread print
        threading.Thread(target=self.network).start()  # expect: thread
        input()  # expect: blocking
        sys.stdout.write("x")  # expect: print
        print("x")  # expect: print
