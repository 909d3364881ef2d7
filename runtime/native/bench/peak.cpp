// Prints the float32 multiply-add peak of one core in GFLOP/s: independent chains of fused multiply-adds on registers,
// nothing loaded or stored. Compile it for the machine it runs on:
//
//     c++ -O3 -march=native -ffp-contract=fast peak.cpp -o peak && ./peak [seconds]
#include <chrono>
#include <cstdio>
#include <cstdlib>

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

// Latency (4 cycles) times instructions a cycle (2) needs 8 chains; 12 leave slack and fit into 16 registers.
constexpr int kChains = 12;
constexpr long kSteps = 1000000;

// Each chain converges to shift / (1 - factor). Chains are variables, not an array, which would go through memory.
static float chains(Vector factor, Vector shift) {
    Vector a = shift, b = a + a, c = b + a, d = c + a, e = d + a, f = e + a;
    Vector g = f + a, h = g + a, i = h + a, j = i + a, k = j + a, l = k + a;
    for (long step = 0; step < kSteps; ++step) {
        a = a * factor + shift;
        b = b * factor + shift;
        c = c * factor + shift;
        d = d * factor + shift;
        e = e * factor + shift;
        f = f * factor + shift;
        g = g * factor + shift;
        h = h * factor + shift;
        i = i * factor + shift;
        j = j * factor + shift;
        k = k * factor + shift;
        l = l * factor + shift;
    }
    return (a + b + c + d + e + f + g + h + i + j + k + l)[0];
}

int main(int argc, char** argv) {
    using Clock = std::chrono::steady_clock;
    const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
    volatile float half = 0.5f, one = 1.0f, sink = 0;  // unknown to the compiler
    const Vector factor = Vector{} + half, shift = Vector{} + one;
    const double flops = 2.0 * kLanes * kChains * kSteps;
    double best = 0;
    for (double spent = 0; spent < seconds;) {
        const auto begun = Clock::now();
        sink = sink + chains(factor, shift);
        const double took = std::chrono::duration<double>(Clock::now() - begun).count();
        spent += took;
        if (flops / took > best) best = flops / took;
    }
    std::printf("%.2f\n", best / 1e9);
}
