"""XXH64 in plain Python, from the algorithm's description: the checksums of docs/file-format.md."""

P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                      0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
MASK = (1 << 64) - 1


def _rotate(x, by):
    return ((x << by) | (x >> (64 - by))) & MASK


def _round(sum_, word):
    return _rotate((sum_ + word * P2) & MASK, 31) * P1 & MASK


def xxh64(data):
    """The checksum of some bytes, with seed 0."""
    at, size = 0, len(data)
    if size >= 32:
        sums = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while size - at >= 32:
            for i in range(4):
                sums[i] = _round(sums[i], int.from_bytes(data[at:at + 8], "little"))
                at += 8
        result = sum(_rotate(s, by) for s, by in zip(sums, (1, 7, 12, 18))) & MASK
        for s in sums:
            result = ((result ^ _round(0, s)) * P1 + P4) & MASK
    else:
        result = P5
    result = (result + size) & MASK
    while size - at >= 8:
        word = _round(0, int.from_bytes(data[at:at + 8], "little"))
        result = (_rotate(result ^ word, 27) * P1 + P4) & MASK
        at += 8
    if size - at >= 4:
        word = int.from_bytes(data[at:at + 4], "little")
        result = (_rotate(result ^ (word * P1 & MASK), 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        result = _rotate(result ^ (byte * P5 & MASK), 11) * P1 & MASK
    for shift, prime in ((33, P2), (29, P3)):
        result = (result ^ (result >> shift)) * prime & MASK
    return result ^ (result >> 32)
