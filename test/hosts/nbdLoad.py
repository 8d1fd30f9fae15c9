"""An NBD client on libnbd, for `npm run chaos:hosts` (docs/testing.md).

nbdLoad.py URI load KIND DEPTH SECTORS NAME GRACE   reads, writes or both (KIND: read, write, mixed) until SIGTERM, then
                                                    waits GRACE seconds for what is under way
nbdLoad.py URI fill SECTORS                         writes a name to each of the first SECTORS sectors
nbdLoad.py URI dump SECTORS                         prints the name in each of the first SECTORS sectors

A sector has one operation under way at a time. Each write writes a name of its own, NAME:count, 64 bytes, 64 times. It
prints a line for each operation, as operationLine.ts says: kind, sector, when it began and ended (milliseconds of the
monotonic clock), name. The end is "-" where there is none, "!" and the error where it failed.
"""
import errno
import random
import signal
import sys
import time

import nbd

SECTOR_BYTES = 4096
NAME_BYTES = 64
COPIES = SECTOR_BYTES // NAME_BYTES
POLL_MS = 100


def now():
    return time.monotonic_ns() / 1e6


def sector_named(name):
    return name.encode().ljust(NAME_BYTES, b"\0") * COPIES


def name_of(data):
    first = bytes(data[:NAME_BYTES])
    if data != first * COPIES:
        return "damaged"
    return first.rstrip(b"\0").decode("latin1") or "-"


class Load:
    def __init__(self, handle, kind, depth, sectors, name):
        self.handle, self.kind, self.depth, self.sectors, self.name = handle, kind, depth, sectors, name
        self.under_way = {}
        self.count = 0
        self.stopping_at = None

    def stop(self, *_):
        self.stopping_at = now()

    def run(self, grace_ms):
        while True:
            if self.stopping_at is None:
                while len(self.under_way) < self.depth:
                    self.begin()
            elif not self.under_way or now() - self.stopping_at > grace_ms:
                break
            self.poll()
        for kind, sector, began, name in self.under_way.values():
            self.tell(kind, sector, began, "-", name)

    def poll(self):
        try:
            self.handle.poll(POLL_MS)
        except nbd.Error as error:
            if self.handle.aio_is_dead() or self.handle.aio_is_closed():
                raise
            if error.errno != "EINTR":
                raise

    def begin(self):
        sector = random.randrange(self.sectors)
        while sector in self.under_way:
            sector = random.randrange(self.sectors)
        kind = random.choice(("read", "write")) if self.kind == "mixed" else self.kind
        self.count += 1
        name = f"{self.name}:{self.count}" if kind == "write" else None
        self.under_way[sector] = (kind, sector, now(), name)
        offset = sector * SECTOR_BYTES
        written = None if name is None else bytearray(sector_named(name))
        buffer = nbd.Buffer(SECTOR_BYTES) if written is None else nbd.Buffer.from_bytearray(written)

        def done(error):
            kind, sector, began, name = self.under_way.pop(offset // SECTOR_BYTES)
            if error.value != 0:
                self.tell(kind, sector, began, "!" + errno.errorcode.get(error.value, str(error.value)), name)
            else:
                self.tell(kind, sector, began, now(), name_of(buffer.to_bytearray()) if kind == "read" else name)
            return 1

        if kind == "read":
            self.handle.aio_pread(buffer, offset, done)
        else:
            self.handle.aio_pwrite(buffer, offset, done)

    @staticmethod
    def tell(kind, sector, began, ended, name):
        end = ended if isinstance(ended, str) else f"{ended:.3f}"
        print(f"{kind} {sector} {began:.3f} {end} {name or '-'}", flush=True)


def main():
    uri, mode, *words = sys.argv[1:]
    handle = nbd.NBD()
    handle.connect_uri(uri)
    if mode == "dump":
        for sector in range(int(words[0])):
            print(name_of(handle.pread(SECTOR_BYTES, sector * SECTOR_BYTES)), flush=True)
        handle.shutdown()
        return
    if mode == "fill":
        whole = b"".join(sector_named(f"fill:{sector}") for sector in range(int(words[0])))
        handle.pwrite(whole, 0)
        handle.shutdown()
        return
    kind, depth, sectors, name, grace = words
    load = Load(handle, kind, int(depth), int(sectors), name)
    signal.signal(signal.SIGTERM, load.stop)
    load.run(float(grace) * 1000)


main()
