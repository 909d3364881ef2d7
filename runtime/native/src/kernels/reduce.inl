// Means, and what is made of them: GlobalMean, ChannelMean and InstanceNorm. Needs lanes.inl.

static int global_mean_items(const Job& job) { return job.out.channels; }

// The mean of value(V) over a channel. Sums of rows in single precision, of the rows' sums in double; always in the same order.
template <typename Value>
static inline double mean_of(const View& in, int channel, Value value) {
    double total[LANES] = {};
    for (int y = 0; y < in.rows; ++y) {
        const float* from = pixel_at(in, channel, y, 0);
        V sum{};
        for (int x = 0; x < in.width; ++x) sum += value(load(from + int64_t(x) * LANES));
        const VI valid = valid_lanes(in, y);
        for (int l = 0; l < LANES; ++l)
            if (valid[l]) total[l] += double(sum[l]);
    }
    double all = 0.0;
    for (int l = 0; l < LANES; ++l) all += total[l];
    return all / (double(in.height) * in.width);
}

static void global_mean_run(const Job& job, int channel, float*) {
    const double mean = mean_of(job.in0, channel, [](V v) { return v; });
    store(pixel_at(job.out, channel, 0, 0), splat(float(mean)));
}

static constexpr OpKernel global_mean_kernel{global_mean_items, global_mean_run, nullptr};

static int channel_mean_items(const Job& job) { return job.out.rows; }

static void channel_mean_run(const Job& job, int y, float*) {
    const View& in = job.in0;
    const int64_t floats = int64_t(job.to - job.from) * LANES;
    float* to = pixel_at(job.out, 0, y, job.from);
    const float* from = pixel_at(in, 0, y, job.from);
    for (int64_t i = 0; i < floats; i += LANES) store(to + i, load(from + i));
    for (int c = 1; c < in.channels; ++c) {
        from += in.plane;
        for (int64_t i = 0; i < floats; i += LANES) store(to + i, load(to + i) + load(from + i));
    }
    const float share = 1.0f / float(in.channels);
    for (int64_t i = 0; i < floats; i += LANES) store(to + i, load(to + i) * share);
}

static constexpr OpKernel channel_mean_kernel{channel_mean_items, channel_mean_run, nullptr};

static int instance_norm_items(const Job& job) { return job.out.channels; }

static void instance_norm_run(const Job& job, int channel, float*) {
    const View& in = job.in0;
    const double mean = mean_of(in, channel, [](V v) { return v; });
    const V center = splat(float(mean));
    const double variance = mean_of(in, channel, [&](V v) { return (v - center) * (v - center); });
    const double scale = job.scale[channel] / __builtin_sqrt(variance + job.op->instance_norm.epsilon);
    const V factor = splat(float(scale)), shift = splat(job.shift[channel]);
    for (int y = 0; y < in.rows; ++y) {
        const float* from = pixel_at(in, channel, y, job.from);
        float* to = pixel_at(job.out, channel, y, job.from);
        for (int64_t i = 0; i < int64_t(job.to - job.from) * LANES; i += LANES)
            store(to + i, (load(from + i) - center) * factor + shift);
    }
}

static constexpr OpKernel instance_norm_kernel{instance_norm_items, instance_norm_run, nullptr};
