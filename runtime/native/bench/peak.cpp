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
#if defined(__x86_64__)
#define IN_REGISTER "+v"
#else
#define IN_REGISTER "+w"
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

// Latency (4 cycles) times instructions a cycle (2) needs 8 chains; 12 leave slack and fit into 16 registers.
constexpr int kChains = 12;
constexpr long kSteps = 100000;

// Values stay finite: each chain converges to shift / (1 - factor).
static float chains(Vector factor, Vector shift) {
    Vector sum[kChains];
    for (int c = 0; c < kChains; ++c) sum[c] = shift * float(c);
    for (long step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
        for (int c = 0; c < kChains; ++c) {
            sum[c] = sum[c] * factor + shift;
            asm volatile("" : IN_REGISTER(sum[c]));  // keeps the compiler from merging steps
        }
    }
    Vector total = sum[0];
    for (int c = 1; c < kChains; ++c) total += sum[c];
    return total[0];
}

int main(int argc, char** argv) {
    using Clock = std::chrono::steady_clock;
    const double seconds = argc > 1 ? std::atof(argv[1]) : 0.2;
    const Vector factor = Vector{} + 0.5f, shift = Vector{} + 1.0f;
    const double flops = 2.0 * kLanes * kChains * kSteps;
    double best = 0, spent = 0;
    volatile float sink = 0;
    while (spent < seconds) {
        const auto begun = Clock::now();
        sink = chains(factor, shift);
        const double took = std::chrono::duration<double>(Clock::now() - begun).count();
        spent += took;
        if (flops / took > best) best = flops / took;
    }
    (void)sink;
    std::printf("%.2f\n", best / 1e9);
}
