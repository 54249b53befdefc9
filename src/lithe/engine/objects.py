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
        images = []
        symbols: dict[str, int] = {}
        end = 0
        for data in objects:
            end = -(-end // 64) * 64
            image, names = _laid_out(data)
            symbols |= {name: end + offset for name, offset in names.items()}
            images.append((end, image))
            end += len(image)
        self._memory = mmap.mmap(-1, max(end, 1), prot=mmap.PROT_READ | mmap.PROT_WRITE)
        for start, image in images:
            self._memory[start : start + len(image)] = image
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        libc = ctypes.CDLL(None, use_errno=True)
        pages = ctypes.c_void_p(base), ctypes.c_size_t(max(end, 1))
        if libc.mprotect(*pages, mmap.PROT_READ | mmap.PROT_EXEC):
            raise LitheError(
                "this system does not let a process make memory executable "
                f"(mprotect: error {ctypes.get_errno()}), which the engine needs"
            )
        self.size = end
        self.address: Mapping[str, int] = {name: base + at for name, at in symbols.items()}


def _laid_out(data: bytes) -> tuple[bytes, dict[str, int]]:
    """The allocated sections of an object one behind the other, and its global symbols."""
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64:
        raise LitheError("a compiled kernel is not a 64-bit ELF object")
    machine = struct.unpack_from("<H", data, 18)[0]
    table, size, count = (
        struct.unpack_from("<Q", data, 40)[0],
        *struct.unpack_from("<HH", data, 58),
    )
    fields = struct.Struct("<IIQQQQIIQQ")
    sections = []
    for index in range(count):
        name, kind, flags, _, offset, length, link, info, align, _ = fields.unpack_from(
            data, table + index * size
        )
        sections.append(_Section(name, kind, flags, offset, length, link, info, align))
    image = bytearray()
    starts: dict[int, int] = {}
    for index, section in enumerate(sections):
        if section.flags & _ALLOCATED and section.size:
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
    return bytes(image), names


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


def _relocate(image: bytearray, machine: int, kind: int, place: int, target: int) -> None:
    """Fill in one distance; both ELF machines' documents name the types by these numbers."""
    if machine == _X86 and kind in (2, 4):  # PC32, PLT32
        struct.pack_into("<i", image, place, target - place)
        return
    if machine == _X86 and kind == 24:  # PC64
        struct.pack_into("<q", image, place, target - place)
        return
    if machine == _ARM:
        word = struct.unpack_from("<I", image, place)[0]
        if kind in (282, 283):  # JUMP26, CALL26
            word |= (target - place >> 2) & 0x03FFFFFF
        elif kind == 275:  # ADR_PREL_PG_HI21: the image starts on a page
            pages = (target >> 12) - (place >> 12)
            word |= (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
        elif kind in _ARM_LOW_BITS:
            word |= ((target & 0xFFF) >> _ARM_LOW_BITS[kind]) << 10
        else:
            raise LitheError(f"a compiled kernel has relocation {kind}, which is not known here")
        struct.pack_into("<I", image, place, word)
        return
    raise LitheError(
        f"a compiled kernel has relocation {kind} of machine {machine}, which is not known here"
    )


# ADD and LDST of 8, 16, 32, 64, 128 bits, :lo12: of an address, shifted by the access's size.
_ARM_LOW_BITS = {277: 0, 278: 0, 284: 1, 285: 2, 286: 3, 299: 4}
