/* Restores an image with a bundle, through the C interface alone.
 *
 *   restore BUNDLE.slsb IN.ppm OUT.ppm [ENGINE]
 *
 * IN: PPM (P6) or PGM (P5) of 8 or 16 bits, of any size. ENGINE: one of the bundle's, its first unless given.
 */
#include <slsc/native.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    int channels, height, width;
    int bytes; /* of a sample: 1 or 2 */
    unsigned char* pixels; /* rows of pixels, channels together, samples as the processor has them */
} photo;

static void fail(const char* what, const char* why) {
    fprintf(stderr, "restore: %s: %s\n", what, why);
    exit(1);
}

static size_t size_of(photo image) {
    return (size_t)image.height * (size_t)image.width * (size_t)image.channels * (size_t)image.bytes;
}

static void allocate(photo* image) {
    image->pixels = malloc(size_of(*image));
    if (!image->pixels) fail("memory", "there is not enough");
}

/* Files have the more significant byte first. */
static void swap_to_native(photo image) {
    const unsigned short one = 1;
    if (image.bytes == 1 || *(const unsigned char*)&one == 0) return;
    for (size_t i = 0; i < size_of(image); i += 2) {
        const unsigned char first = image.pixels[i];
        image.pixels[i] = image.pixels[i + 1];
        image.pixels[i + 1] = first;
    }
}

static photo read_photo(const char* path) {
    photo image;
    char kind;
    int white;
    FILE* file = fopen(path, "rb");
    if (!file) fail(path, "cannot be opened");
    if (fscanf(file, "P%c %d %d %d", &kind, &image.width, &image.height, &white) != 4 || (kind != '5' && kind != '6') ||
        (white != 255 && white != 65535) || image.width < 1 || image.height < 1 || image.width > 65536 || image.height > 65536)
        fail(path, "is no binary PGM or PPM of 8 or 16 bits without comments");
    fgetc(file); /* the one white space before the pixels */
    image.channels = kind == '6' ? 3 : 1;
    image.bytes = white == 255 ? 1 : 2;
    allocate(&image);
    if (fread(image.pixels, 1, size_of(image), file) != size_of(image)) fail(path, "is cut short");
    fclose(file);
    swap_to_native(image);
    return image;
}

static void write_photo(const char* path, photo image) {
    FILE* file = fopen(path, "wb");
    if (!file) fail(path, "cannot be written");
    swap_to_native(image);
    fprintf(file, "P%c\n%d %d\n%d\n", image.channels == 3 ? '6' : '5', image.width, image.height, image.bytes == 1 ? 255 : 65535);
    const size_t written = fwrite(image.pixels, 1, size_of(image), file);
    if (fclose(file) != 0 || written != size_of(image)) fail(path, "cannot be written");
}

int main(int count, char** arguments) {
    if (count != 4 && count != 5) fail("usage", "restore BUNDLE.slsb IN.ppm OUT.ppm [ENGINE]");
    slsc_context* context;
    if (slsc_context_create(0, &context) != SLSC_OK) fail("slsc", "threads cannot be started");
    slsc_bundle* bundle;
    if (slsc_bundle_open(context, arguments[1], count == 5 ? arguments[4] : NULL, &bundle) != SLSC_OK)
        fail(arguments[1], slsc_bundle_last_error(NULL));

    const photo image = read_photo(arguments[2]);
    photo restored = image;
    restored.height *= slsc_bundle_scale(bundle);
    restored.width *= slsc_bundle_scale(bundle);
    allocate(&restored);
    if (slsc_bundle_restore(bundle, image.pixels, image.height, image.width, image.channels, image.bytes == 1 ? SLSC_U8 : SLSC_U16,
                            restored.pixels) != SLSC_OK)
        fail(arguments[2], slsc_bundle_last_error(bundle));
    write_photo(arguments[3], restored);
    printf("%s: %d x %d, engine %s\n", arguments[3], restored.width, restored.height, slsc_bundle_engine(bundle));

    slsc_bundle_close(bundle);
    slsc_context_free(context);
    free(image.pixels);
    free(restored.pixels);
    return 0;
}
