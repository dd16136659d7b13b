"""Says of each value on stdin what the reference makes of it.

stdin has four bytes with a length and a value of that length, again and again. stdout
has one line for each: "decoded", or the name of the exception. A value that ends before
its bytes do is "longer", since the reference does not look at the rest.
"""

import io
import struct
import sys

import umsgpack


def main():
    while head := sys.stdin.buffer.read(4):
        value = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
        print(outcome(value))


def outcome(value):
    stream = io.BytesIO(value)
    try:
        umsgpack.unpack(stream)
    except Exception as error:
        return type(error).__name__
    return "decoded" if stream.tell() == len(value) else "longer"


if __name__ == "__main__":
    main()
