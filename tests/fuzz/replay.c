/* Main of a fuzz target without a fuzzer: runs it once on every file named, whole, cut short and with single bytes changed. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every length and every byte with two other values; of files that are not small, every 499th and every 331st. */
static void replay(uint8_t *data, size_t size)
{
    LLVMFuzzerTestOneInput(data, size);
    const bool small = size < 4096;
    const size_t part = size < 65536 ? size : 65536;
    for (size_t n = 0; n < part; n += small ? 1 : 499) LLVMFuzzerTestOneInput(data, n);
    for (size_t i = 0; i < size; i += small ? 1 : i < part ? 331 : 9973) {
        const uint8_t old = data[i];
        data[i] = (uint8_t)(old ^ 0x81);
        LLVMFuzzerTestOneInput(data, size);
        data[i] = 0xff;
        LLVMFuzzerTestOneInput(data, size);
        data[i] = old;
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        uint8_t *data = malloc(8 << 20);
        if (!f || !data) {
            perror(argv[i]);
            return 1;
        }
        const size_t size = fread(data, 1, 8 << 20, f);
        fclose(f);
        replay(data, size);
        free(data);
    }
    printf("%d files replayed\n", argc - 1);
    return 0;
}
