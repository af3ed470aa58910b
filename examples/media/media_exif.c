/* The one EXIF field that matters here: the orientation (TIFF tag 0x0112 of the first directory). */
#include "media_internal.h"

typedef struct Tiff {
    const uint8_t *data;
    size_t size;
    bool big_endian;
} Tiff;

static unsigned get16(const Tiff *t, size_t at)
{
    const uint8_t *p = t->data + at;
    return t->big_endian ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static size_t get32(const Tiff *t, size_t at)
{
    const size_t first = get16(t, at), second = get16(t, at + 2);
    return t->big_endian ? first << 16 | second : second << 16 | first;
}

/* 1 to 8; 1 where the data are damaged or say nothing. */
static unsigned orientation(const uint8_t *data, size_t size)
{
    enum { ENTRY = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };
    if (size < 8 || data[0] != data[1] || (data[0] != 'I' && data[0] != 'M')) return 1;
    const Tiff t = {data, size, data[0] == 'M'};
    const size_t directory = get32(&t, 4);
    if (get16(&t, 2) != 42 || directory > size - 2) return 1;
    const size_t n = get16(&t, directory);
    for (size_t i = 0; i < n; i++) {
        const size_t entry = directory + 2 + i * ENTRY;
        if (entry + ENTRY > size) return 1;
        if (get16(&t, entry) == TAG_ORIENTATION && get16(&t, entry + 2) == TYPE_SHORT) return get16(&t, entry + 8);
    }
    return 1;
}

MediaTurn media_exif_turn(const uint8_t *tiff, size_t size)
{
    static const MediaTurn turns[9] = {
        [2] = {false, true, false}, [3] = {false, true, true}, [4] = {false, false, true}, [5] = {true, false, false},
        [6] = {true, true, false},  [7] = {true, true, true},  [8] = {true, false, true},
    };
    const unsigned o = orientation(tiff, size);
    return turns[o <= 8 ? o : 1];
}
