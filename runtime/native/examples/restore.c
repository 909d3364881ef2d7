/* Restores an image with a network in plan form, through the C interface alone.
 *
 *   restore PLAN.nmp IN.ppm OUT.ppm [LOW HIGH]
 *
 * IN: PPM (P6) for a network of three channels, PGM (P5) for one of one; 8 bits. LOW and HIGH are the network's black and
 * white, 0 and 1 unless given.
 */
#include <math.h>
#include <slsc/native.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    int channels, height, width;
    unsigned char* pixels; /* rows of pixels, channels together */
} photo;

static void fail(const char* what, const char* why) {
    fprintf(stderr, "restore: %s: %s\n", what, why);
    exit(1);
}

static void* allocate(size_t bytes) {
    void* memory = malloc(bytes ? bytes : 1);
    if (!memory) fail("memory", "there is not enough");
    return memory;
}

static unsigned char* read_file(const char* path, size_t* bytes) {
    FILE* file = fopen(path, "rb");
    if (!file) fail(path, "cannot be opened");
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    if (size < 0) fail(path, "has no size");
    unsigned char* data = allocate((size_t)size);
    *bytes = fread(data, 1, (size_t)size, file);
    fclose(file);
    if (*bytes != (size_t)size) fail(path, "cannot be read");
    return data;
}

static photo read_photo(const char* path) {
    photo image;
    char kind;
    int white;
    FILE* file = fopen(path, "rb");
    if (!file) fail(path, "cannot be opened");
    if (fscanf(file, "P%c %d %d %d", &kind, &image.width, &image.height, &white) != 4 || (kind != '5' && kind != '6') ||
        white != 255 || image.width < 1 || image.height < 1 || image.width > 65536 || image.height > 65536)
        fail(path, "is no binary PGM or PPM of 8 bits without comments");
    fgetc(file); /* the one white space before the pixels */
    image.channels = kind == '6' ? 3 : 1;
    const size_t bytes = (size_t)image.channels * (size_t)image.height * (size_t)image.width;
    image.pixels = allocate(bytes);
    if (fread(image.pixels, 1, bytes, file) != bytes) fail(path, "is cut short");
    fclose(file);
    return image;
}

static void write_photo(const char* path, photo image) {
    const size_t bytes = (size_t)image.channels * (size_t)image.height * (size_t)image.width;
    FILE* file = fopen(path, "wb");
    if (!file) fail(path, "cannot be written");
    fprintf(file, "P%c\n%d %d\n255\n", image.channels == 3 ? '6' : '5', image.width, image.height);
    const size_t written = fwrite(image.pixels, 1, bytes, file);
    if (fclose(file) != 0 || written != bytes) fail(path, "cannot be written");
}

static float* to_planes(photo image, float low, float high) {
    const size_t plane = (size_t)image.height * (size_t)image.width;
    float* planes = allocate(plane * (size_t)image.channels * sizeof(float));
    for (size_t i = 0; i < plane; ++i)
        for (int c = 0; c < image.channels; ++c)
            planes[(size_t)c * plane + i] =
                low + (high - low) / 255.0f * (float)image.pixels[i * (size_t)image.channels + (size_t)c];
    return planes;
}

static void from_planes(const float* planes, float low, float high, photo* image) {
    const size_t plane = (size_t)image->height * (size_t)image->width;
    image->pixels = allocate(plane * (size_t)image->channels);
    for (size_t i = 0; i < plane; ++i)
        for (int c = 0; c < image->channels; ++c) {
            const float level = (planes[(size_t)c * plane + i] - low) / (high - low) * 255.0f;
            image->pixels[i * (size_t)image->channels + (size_t)c] =
                (unsigned char)lrintf(level > 0.0f ? (level < 255.0f ? level : 255.0f) : 0.0f);
        }
}

int main(int count, char** arguments) {
    if (count != 4 && count != 6) fail("usage", "restore PLAN.nmp IN.ppm OUT.ppm [LOW HIGH]");
    const float low = count == 6 ? strtof(arguments[4], NULL) : 0.0f;
    const float high = count == 6 ? strtof(arguments[5], NULL) : 1.0f;
    if (!(high > low)) fail("LOW HIGH", "must be two numbers, the second the larger");

    size_t bytes;
    unsigned char* plan = read_file(arguments[1], &bytes);
    slsc_engine* engine;
    if (slsc_open(plan, bytes, 0, NULL, &engine) != SLSC_OK) fail(arguments[1], slsc_last_error(NULL));
    free(plan); /* the engine has its own copy */

    const photo image = read_photo(arguments[2]);
    int channels;
    photo restored;
    if (slsc_shape(engine, image.height, image.width, &channels, &restored.channels, &restored.height,
                   &restored.width) != SLSC_OK)
        fail(arguments[2], slsc_last_error(engine));
    if (channels != image.channels) fail(arguments[2], "has other channels than the network");
    if (restored.channels != 1 && restored.channels != 3) fail(arguments[1], "does not make a photo");

    float* input = to_planes(image, low, high);
    float* output = allocate((size_t)restored.channels * (size_t)restored.height * (size_t)restored.width * sizeof(float));
    if (slsc_run(engine, input, image.height, image.width, output) != SLSC_OK)
        fail(arguments[2], slsc_last_error(engine));
    from_planes(output, low, high, &restored);
    write_photo(arguments[3], restored);
    printf("%s: %d x %d, %s\n", arguments[3], restored.width, restored.height, slsc_isa(engine));

    slsc_close(engine);
    free(input);
    free(output);
    free(image.pixels);
    free(restored.pixels);
    return 0;
}
