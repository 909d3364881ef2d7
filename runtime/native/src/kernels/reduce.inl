// GlobalMean and ChannelMean. Needs lanes.inl.

static int global_mean_items(const Job& job) { return job.out.channels; }

// Sums of rows in single precision, of the rows' sums in double; always in the same order.
static void global_mean_run(const Job& job, int channel, float*) {
    const View& in = job.in0;
    double total[LANES] = {};
    for (int y = 0; y < in.rows; ++y) {
        const float* from = pixel_at(in, channel, y, 0);
        V sum{};
        for (int x = 0; x < in.width; ++x) sum += load(from + int64_t(x) * LANES);
        const VI valid = valid_lanes(in, y);
        for (int l = 0; l < LANES; ++l)
            if (valid[l]) total[l] += double(sum[l]);
    }
    double all = 0.0;
    for (int l = 0; l < LANES; ++l) all += total[l];
    store(pixel_at(job.out, channel, 0, 0), splat(float(all / (double(in.height) * in.width))));
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
