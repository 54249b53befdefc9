"""From object files to code that can be called, without a linker and without LLVM.

Kernels call nothing outside their own module, so an object needs only its own sections
side by side and the distances between them filled in. Loading a cached network therefore
does not import LLVM, which alone would take more memory than the network.
"""

import ctypes
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lithe.errors import LitheError

_ALLOCATED, _NOBITS, _SYMBOLS, _RELA = 0x2, 8, 2, 4
_OBJECT_ALIGN = 64


@dataclass(frozen=True, slots=True)
class _Section:
    name: int
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int


class Code:
    """Machine code in memory, executable and no longer writable; `address` of each symbol."""

    def __init__(self, objects: Sequence[bytes]) -> None:
        image, symbols = image_of(objects)
        self._memory = mmap.mmap(-1, max(len(image), 1), prot=mmap.PROT_READ | mmap.PROT_WRITE)
        self._memory[: len(image)] = image
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        libc = ctypes.CDLL(None, use_errno=True)
        pages = ctypes.c_void_p(base), ctypes.c_size_t(max(len(image), 1))
        if libc.mprotect(*pages, mmap.PROT_READ | mmap.PROT_EXEC):
            raise LitheError(
                "this system does not let a process make memory executable "
                f"(mprotect: error {ctypes.get_errno()}), which the engine needs"
            )
        self.size = len(image)
        self.address: Mapping[str, int] = {name: base + at for name, at in symbols.items()}


def image_of(objects: Sequence[bytes]) -> tuple[bytes, dict[str, int]]:
    """Objects one behind the other, to be put on the start of a page; offset of each function.

    Raises:
        LitheError: not an ELF object, cut short, or one that refers to what it does not hold.
    """
    image = bytearray()
    symbols: dict[str, int] = {}
    for data in objects:
        image += bytes(-len(image) % _OBJECT_ALIGN)
        try:
            symbols |= _append(image, data)
        except (struct.error, IndexError, ValueError) as error:
            raise LitheError(f"a compiled kernel is cut short or damaged: {error}") from error
    return bytes(image), symbols


def _append(image: bytearray, data: bytes) -> dict[str, int]:
    """Put an object's allocated sections behind the image; its global functions."""
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64:
        raise LitheError("a compiled kernel is not a 64-bit ELF object")
    machine = struct.unpack_from("<H", data, 18)[0]
    table = struct.unpack_from("<Q", data, 40)[0]
    size, count = struct.unpack_from("<HH", data, 58)
    fields = struct.Struct("<IIQQQQIIQQ")
    sections = []
    for index in range(count):
        name, kind, flags, _, offset, length, link, info, align, _ = fields.unpack_from(
            data, table + index * size
        )
        sections.append(_Section(name, kind, flags, offset, length, link, info, align))
    starts: dict[int, int] = {}
    for index, section in enumerate(sections):
        if section.flags & _ALLOCATED and section.size:
            if section.align > _OBJECT_ALIGN:
                raise LitheError(f"a compiled kernel wants {section.align} bytes of alignment")
            image += bytes(-len(image) % max(section.align, 1))
            starts[index] = len(image)
            empty = section.kind == _NOBITS
            body = data[section.offset : section.offset + section.size]
            image += bytes(section.size) if empty else body
    values, names = _symbols(data, sections, starts)
    for section in sections:
        if section.kind == _RELA and section.info in starts:
            for at in range(section.offset, section.offset + section.size, 24):
                where, info, addend = struct.unpack_from("<QQq", data, at)
                place = starts[section.info] + where
                target = values[info >> 32]
                if target is None:
                    raise LitheError("a compiled kernel calls something outside itself")
                _relocate(image, machine, info & 0xFFFFFFFF, place, target + addend)
    return names


def _symbols(
    data: bytes, sections: Sequence[_Section], starts: Mapping[int, int]
) -> tuple[list[int | None], dict[str, int]]:
    values: list[int | None] = []
    names: dict[str, int] = {}
    for section in sections:
        if section.kind != _SYMBOLS:
            continue
        strings = sections[section.link].offset
        for at in range(section.offset, section.offset + section.size, 24):
            name, info, _, index, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            place = starts[index] + value if index in starts else None
            values.append(place)
            if place is not None and info >> 4 == 1 and info & 0xF == 2:  # a global function
                start = strings + name
                names[data[start : data.index(b"\0", start)].decode()] = place
    return values, names


_X86, _ARM = 62, 183
# ADD and LDST of 8, 16, 32, 64, 128 bits, :lo12: of an address, shifted by the access's size.
_ARM_LOW_BITS = {277: 0, 278: 0, 284: 1, 285: 2, 286: 3, 299: 4}


def _relocate(image: bytearray, machine: int, kind: int, place: int, target: int) -> None:
    """Fill in one distance; both ELF machines' documents name the types by these numbers."""
    distance = target - place
    if (machine, kind) in ((_X86, 2), (_X86, 4), (_ARM, 261)):  # PC32, PLT32; PREL32
        struct.pack_into("<i", image, place, distance)
    elif (machine, kind) in ((_X86, 24), (_ARM, 260)):  # PC64; PREL64
        struct.pack_into("<q", image, place, distance)
    elif machine == _ARM and kind in (282, 283):  # JUMP26, CALL26
        if distance % 4 or not -(2**27) <= distance < 2**27:
            raise LitheError(f"a compiled kernel jumps {distance:,} bytes, which is too far")
        _set_bits(image, place, distance >> 2 & 0x03FFFFFF)
    elif machine == _ARM and kind == 275:  # ADR_PREL_PG_HI21: the image starts on a page
        pages = (target >> 12) - (place >> 12)
        _set_bits(image, place, (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5)
    elif machine == _ARM and kind in _ARM_LOW_BITS:
        shift = _ARM_LOW_BITS[kind]
        if target % (1 << shift):
            raise LitheError(f"a compiled kernel reads {1 << shift} bytes across their alignment")
        _set_bits(image, place, ((target & 0xFFF) >> shift) << 10)
    else:
        raise LitheError(
            f"a compiled kernel has relocation {kind} of machine {machine}, which is not known here"
        )


def _set_bits(image: bytearray, place: int, bits: int) -> None:
    """Add an operand to an instruction of 32 bits."""
    struct.pack_into("<I", image, place, struct.unpack_from("<I", image, place)[0] | bits)
