"""Runs programs in a pseudo-terminal, and renders their output as a simple terminal does."""

import fcntl
import os
import pty
import re
import struct
import termios

TOKEN = re.compile(r"\x1b\[(\d*)([FJKm])|(\r)|(\n)|([^\x1b\r\n]+)")


def run(words, columns=80, lines=24, **environment):
    """Runs a program in a terminal of this size; returns its output and its exit code."""
    pid, terminal = pty.fork()
    if not pid:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        others = {name: v for name, v in os.environ.items() if name not in ("COLUMNS", "LINES")}
        os.execvpe(words[0], words, others | {"TERM": "xterm"} | environment)
    output = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # on Linux: the other end is closed
            break
        if not part:
            break
        output += part
    return output.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def seen(output, columns=80):
    """Returns the lines on the screen after the output, including those scrolled away."""
    rows, y, x = [""], 0, 0
    for number, letter, back, down, text in TOKEN.findall(output):
        if letter == "F":
            y, x = max(0, y - int(number or 1)), 0
        elif letter == "J":
            rows[y:] = [rows[y][:x]]
        elif back:
            x = 0
        elif down:
            y += 1
            rows += [""] * (y + 1 - len(rows))
        for at in range(0, len(text), columns):  # a terminal wraps long lines
            y += at > 0
            rows += [""] * (y + 1 - len(rows))
            part = text[at : at + columns]
            start = x if at == 0 else 0
            rows[y] = rows[y][:start].ljust(start) + part + rows[y][start + len(part) :]
            x = start + len(part)
    return rows
