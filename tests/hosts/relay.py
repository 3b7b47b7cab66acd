"""A switch in user space that delays each frame and drops some, where the kernel has no netem.

python relay.py DELAY LOSS DEVICE...: seconds, a share of all frames, TAP devices to make.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time
from contextlib import suppress

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
FRAME_BYTES, FRAMES_AT_ONCE = 65535, 64


def opened(name: str) -> int:
    """Makes a TAP device, and returns the descriptor that reads and writes its frames."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    return device


def frames(device: int):
    """Yields the frames that wait at a device."""
    for _ in range(FRAMES_AT_ONCE):
        try:
            yield os.read(device, FRAME_BYTES)
        except OSError:  # no frame is left, or the link is down
            return


def relay(delay: float, loss: float, devices: list[int]) -> None:
    """Sends each frame to all other devices after the delay, for ever."""
    waiting: list[tuple[float, int, int, bytes]] = []
    draw, count = random.Random(1), 0
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
        ready, _, _ = select.select(devices, [], [], pause)
        due = time.monotonic() + delay
        for device in ready:
            for frame in frames(device):
                if draw.random() >= loss:
                    count += 1
                    heapq.heappush(waiting, (due, count, device, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, source, frame = heapq.heappop(waiting)
            for device in devices:
                if device != source:
                    with suppress(OSError):
                        os.write(device, frame)


if __name__ == "__main__":
    made = [opened(name) for name in sys.argv[3:]]
    print("ready", flush=True)
    relay(float(sys.argv[1]), float(sys.argv[2]), made)
